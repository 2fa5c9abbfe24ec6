// SPDX-License-Identifier: Apache-2.0
// A node cannot send a packet along another node's arc.
// expect-error: could not convert .*kSwitch|no viable conversion .*Next
#include "core/graph/node.h"

namespace weft {

class Filter final : public Node<Filter> {
 public:
  static constexpr NodeSpec kSpec{.name = "filter", .help = "Has the arc."};
  enum class Next : uint8_t { kSwitch };
  static constexpr auto kNexts = Labels<Next>({{Next::kSwitch, "l2-switch", "what passes"}});
  void Process(Frame& frame) {
    ForEach(frame, [](Packet&) -> Verdict { return Next::kSwitch; });
  }
};

class Other final : public Node<Other> {
 public:
  static constexpr NodeSpec kSpec{.name = "other", .help = "Has none."};
  void Process(Frame& frame) {
    ForEach(frame, [](Packet&) -> Verdict { return Filter::Next::kSwitch; });
  }
};

}  // namespace weft
