// SPDX-License-Identifier: Apache-2.0
// A node cannot return another node's reason to drop.
// expect-error: could not convert .*kSpoofed|no viable conversion .*Drop
#include "core/graph/node.h"

namespace weft {

class Guard final : public Node<Guard> {
 public:
  static constexpr NodeSpec kSpec{.name = "guard", .help = "Has the reason."};
  enum class Drop : uint8_t { kSpoofed };
  static constexpr auto kDrops = Labels<Drop>({{Drop::kSpoofed, "spoofed", "not its own"}});
  void Process(Frame& frame) {
    ForEach(frame, [](Packet&) -> Verdict { return Drop::kSpoofed; });
  }
};

class Other final : public Node<Other> {
 public:
  static constexpr NodeSpec kSpec{.name = "other", .help = "Takes the other's."};
  enum class Drop : uint8_t { kOwn };
  static constexpr auto kDrops = Labels<Drop>({{Drop::kOwn, "own", "a reason of its own"}});
  void Process(Frame& frame) {
    ForEach(frame, [](Packet&) -> Verdict { return Guard::Drop::kSpoofed; });
  }
};

}  // namespace weft
