// SPDX-License-Identifier: Apache-2.0
// delay: what comes from a port with the table `delay = { microseconds = 500 }` goes on so much
// later. It shows how a node keeps packets and sends them when it is time. heartbeat shows the
// rest.
#include <chrono>

#include "core/sdk/weft.h"

namespace weft::plugins {

struct DelayConfig {
  uint32_t microseconds = 0;

  static constexpr auto kFields = Fields(Field<&DelayConfig::microseconds>(
      "microseconds", "how much later packets go on", Required{}, Range{1, 5'000'000}));
};

class Delay final : public Feature<Delay, DelayConfig> {
 public:
  static constexpr NodeSpec kSpec{.name = "delay",
                                  .arc = "port-input",
                                  .before = "l2-switch",
                                  .keeps = true,
                                  .help = "Has packets of a port go on later."};
  enum class Drop : uint8_t { kNoRoom };
  static constexpr auto kDrops = Labels<Drop>(
      {{Drop::kNoRoom, "no-room", "as many packets wait as may, of the port or of all"}});

  void Process(Frame& frame) {
    const Time now = Now();
    ForEach(frame, [&](Packet& packet) -> Verdict {
      const Owned owned = Own(packet);
      if (!owned) return Drop::kNoRoom;
      SendAt(owned, now + std::chrono::microseconds(port_config(packet.in_port()).microseconds),
             Continue());
      return Consumed();
    });
  }
};

}  // namespace weft::plugins

WEFT_PLUGIN(weft::plugins::Delay);
