// SPDX-License-Identifier: Apache-2.0
// The entry of a feature arc: the only place where frames are split by the features of their ports.
// It stands in the graph only while some port has a feature on that arc, or while ports differ in
// their output node.
#pragma once

#include "core/graph/node.h"

namespace weft {

template <Arc kArc>
class ArcEntry final : public Node<ArcEntry<kArc>> {
 public:
  static constexpr bool kInput = kArc == Arc::kPortInput;
  static constexpr NodeKind kKind = NodeKind::kArcEntry;
  static constexpr NodeSpec kSpec{
      .name = kInput ? "port-input" : "port-output",
      .help = kInput
                  ? "Hands packets to the first feature of the port they came from."
                  : "Hands packets to the first feature of the port they go to, or to its output."};
  enum class Drop : uint8_t { kPortGone };
  static constexpr auto kDrops =
      Labels<Drop>({{Drop::kPortGone, "port-gone", "the port was deleted meanwhile"}});

  void Process(Frame& frame) {
    this->graph_->EnterArc(this->index_, frame, kArc, static_cast<uint8_t>(Drop::kPortGone));
  }
};

}  // namespace weft
