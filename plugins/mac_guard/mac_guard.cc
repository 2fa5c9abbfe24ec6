// SPDX-License-Identifier: Apache-2.0
// mac-guard: a container may speak only with its own source MAC address.
#include "core/sdk/weft.h"

namespace weft::mac_guard {

struct MacGuardConfig {
  MacAddress allow;

  static constexpr auto kFields = Fields(
      Field<&MacGuardConfig::allow>("allow", "the only source MAC that may pass", Required{}));
};

class MacGuard final : public Feature<MacGuard, MacGuardConfig> {
 public:
  static constexpr NodeSpec kSpec{.name = "mac-guard",
                                  .arc = "port-input",
                                  .before = "l2-switch",
                                  .help = "Drops frames whose source MAC the port does not own."};
  enum class Drop : uint8_t { kSpoofed };
  static constexpr auto kDrops =
      Labels<Drop>({{Drop::kSpoofed, "spoofed", "the source MAC is not the port's own"}});

  struct TraceRecord {
    MacAddress source;
  };
  static constexpr auto kTrace =
      TraceFields({TraceFieldOf<&TraceRecord::source>("source", "the source MAC of the frame")});
  TraceRecord MakeTrace(const Packet& packet) const { return {packet.ethernet().source}; }

  void Process(Frame& frame) {
    ForEach(frame, [this](Packet& packet) -> Verdict {
      const MacAddress& allowed = port_config(packet.in_port()).allow;
      if (packet.ethernet().source != allowed) return Drop::kSpoofed;
      return Continue();
    });
  }
};

}  // namespace weft::mac_guard

WEFT_PLUGIN(weft::mac_guard::MacGuard);
