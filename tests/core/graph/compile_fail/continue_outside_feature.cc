// SPDX-License-Identifier: Apache-2.0
// Only a feature has a node after it that the graph knows.
// expect-error: 'Continue' was not declared|undeclared identifier 'Continue'
#include "core/graph/node.h"

namespace weft {

class Filter final : public Node<Filter> {
 public:
  static constexpr NodeSpec kSpec{.name = "filter", .help = "Is no feature."};
  void Process(Frame& frame) {
    ForEach(frame, [](Packet&) -> Verdict { return Continue(); });
  }
};

}  // namespace weft
