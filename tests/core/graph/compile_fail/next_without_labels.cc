// SPDX-License-Identifier: Apache-2.0
// A node that declares its exits says where they lead.
// expect-error: 'kNexts' is not a member of|no member named 'kNexts'
#include <memory>

#include "core/graph/node.h"

namespace weft {

class Filter final : public Node<Filter> {
 public:
  static constexpr NodeSpec kSpec{.name = "filter", .help = "Has an exit to nowhere."};
  enum class Next : uint8_t { kSwitch };
  void Process(Frame& frame) {
    ForEach(frame, [](Packet&) -> Verdict { return Next::kSwitch; });
  }
};

NodeClass FilterClass() {
  return NodeClassOf<Filter>([](WorkerId) { return std::make_unique<Filter>(); });
}

}  // namespace weft
