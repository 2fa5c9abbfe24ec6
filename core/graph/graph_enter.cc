// SPDX-License-Identifier: Apache-2.0
// The part of Graph by which nodes put packets where no Next of theirs leads.
#include <algorithm>

#include "core/graph/graph.h"

namespace weft {

// Invalid if it is not there (any more).
NodeIndex Graph::FindNamed(uint16_t name) const {
  const auto found = std::find_if(layout_.slots.begin(), layout_.slots.end(),
                                  [name](const Slot& slot) { return slot.name == name; });
  return found == layout_.slots.end()
             ? NodeIndex()
             : NodeIndex(static_cast<uint16_t>(found - layout_.slots.begin()));
}

ChainId Graph::ChainOf(Arc arc, const Packet& packet) const {
  const PortId port = arc == Arc::kPortInput ? packet.in_port() : packet.out_port();
  return port.value() < kMaxPorts ? tables_->arc(arc).chain_of[port.value()] : ArcTables::kNoChain;
}

// What has the name by now may be of another kind than it was, for a plugin went and another came:
// only a feature is entered as one, for all others have no chain.
Graph::Exit Graph::ExitTo(const ArcTarget& target, const Packet& packet) const {
  Exit exit{NodeIndex(), {}};
  const ArcTables::OneArc& arc = tables_->arc(target.arc);
  if (target.way == ArcTarget::Way::kArc && arc.trivial) {
    exit.node = arc.direct;
    return exit;
  }
  const NodeIndex node = FindNamed(target.node);
  const bool is_feature = node.valid() && layout_.slots[node.value()].is_feature;
  if (target.way != ArcTarget::Way::kFeature) {
    if (!is_feature) exit.node = node;
    return exit;
  }
  if (!is_feature || layout_.slots[node.value()].arc != target.arc) return exit;
  const ChainId chain = ChainOf(target.arc, packet);
  if (!chain.valid() || !arc.following[node.value()][chain.value()].valid()) return exit;
  exit.node = node;
  exit.chains[static_cast<size_t>(target.arc)] = chain;
  return exit;
}

// One packet by the node's own hand.
void Graph::Hand(NodeIndex from, Packet& packet, const Exit& exit) {
  layout_.slots[from.value()].arcs[layout_.slots[exit.node.value()].id.value()].Add();
  Frame* const frame = OpenFrame(exit, 1);
  frame->Push(&packet);
  if (packet.traced()) {
    frame->set_traced(true);
    TracePacket(from, packet, kConsumed);
  }
  ++by_hand_;
}

bool Graph::Enter(NodeIndex from, std::span<Packet* const> packets, const ArcTarget& target) {
  if (packets.empty()) return true;
  const Exit exit = ExitTo(target, *packets.front());
  if (!exit.node.valid()) return false;
  for (Packet* const packet : packets) Hand(from, *packet, exit);
  return true;
}

}  // namespace weft
