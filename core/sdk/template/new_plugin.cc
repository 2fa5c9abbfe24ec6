// SPDX-License-Identifier: Apache-2.0
// new-plugin: frames from a port that are longer than it allows are dropped. The limit is where to
// begin; what is here and is not needed can go.
#include "core/sdk/weft.h"

namespace weft::plugins {

struct NewPluginConfig {
  uint16_t longest = 1514;

  static constexpr auto kFields = Fields(Field<&NewPluginConfig::longest>(
      "longest", "bytes of the longest frame that may pass", Range{60, 9216}));
};

class NewPluginNode final : public Feature<NewPluginNode, NewPluginConfig> {
 public:
  static constexpr NodeSpec kSpec{.name = "new-plugin",
                                  .arc = "port-input",
                                  .before = "l2-switch",
                                  .help = "Drops frames that are longer than their port allows."};
  enum class Drop : uint8_t { kTooLong };
  static constexpr auto kDrops =
      Labels<Drop>({{Drop::kTooLong, "too-long", "longer than the port's `longest`"}});

  struct TraceRecord {
    uint32_t length;
  };
  static constexpr auto kTrace =
      TraceFields({TraceFieldOf<&TraceRecord::length>("length", "bytes of the frame")});
  TraceRecord MakeTrace(const Packet& packet) const { return {packet.length()}; }

  void Process(Frame& frame) {
    ForEach(frame, [this](Packet& packet) -> Verdict {
      if (packet.length() > port_config(packet.in_port()).longest) return Drop::kTooLong;
      return Continue();
    });
  }
};

}  // namespace weft::plugins

WEFT_PLUGIN(weft::plugins::NewPluginNode);
