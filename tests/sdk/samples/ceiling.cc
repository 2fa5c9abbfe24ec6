// SPDX-License-Identifier: Apache-2.0
// ceiling: no frame of a port with the table `ceiling = {}` is longer than [node.ceiling] says. It
// shows a node that has keys of its own, the same for all ports, which a reload changes.
#include "core/sdk/weft.h"

namespace weft::plugins {

class Ceiling final : public Feature<Ceiling> {
 public:
  static constexpr NodeSpec kSpec{.name = "ceiling",
                                  .arc = "port-input",
                                  .before = "l2-switch",
                                  .help = "Drops frames that are too long."};
  struct NodeConfig {
    uint32_t most = 1000;

    static constexpr auto kFields = Fields(Field<&NodeConfig::most>(
        "most", "bytes of the longest frame that may pass", Range{14, 9216}));
  };
  enum class Drop : uint8_t { kTooLong };
  static constexpr auto kDrops =
      Labels<Drop>({{Drop::kTooLong, "too-long", "it is longer than `most`"}});

  explicit Ceiling(const Published<NodeConfig>& config) : config_(config) {}

  void Process(Frame& frame) {
    const uint32_t most = config_.Load()->most;
    ForEach(frame, [most](Packet& packet) -> Verdict {
      if (packet.length() > most) return Drop::kTooLong;
      return Continue();
    });
  }

 private:
  const Published<NodeConfig>& config_;
};

}  // namespace weft::plugins

WEFT_PLUGIN(weft::plugins::Ceiling);
