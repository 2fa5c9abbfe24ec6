// SPDX-License-Identifier: Apache-2.0
// Labels stand in the order of the enumerators; a swapped pair would count under the wrong name.
// expect-error: <throw-expression>|call to consteval function
#include "core/graph/node.h"

namespace weft {

class Guard final : public Node<Guard> {
 public:
  static constexpr NodeSpec kSpec{.name = "guard", .help = "Swaps two."};
  enum class Drop : uint8_t { kSpoofed, kTooLong };
  static constexpr auto kDrops = Labels<Drop>(
      {{Drop::kTooLong, "too-long", "longer than"}, {Drop::kSpoofed, "spoofed", "not its own"}});
};

}  // namespace weft
