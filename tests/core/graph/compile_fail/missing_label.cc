// SPDX-License-Identifier: Apache-2.0
// Every reason to drop has a name and help: the shell shows them.
// expect-error: an enumerator has no label
#include "core/graph/node.h"

namespace weft {

class Guard final : public Node<Guard> {
 public:
  static constexpr NodeSpec kSpec{.name = "guard", .help = "Forgets one."};
  enum class Drop : uint8_t { kSpoofed, kTooLong };
  static constexpr auto kDrops = Labels<Drop>({{Drop::kSpoofed, "spoofed", "not its own"}});
};

}  // namespace weft
