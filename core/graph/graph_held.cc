// SPDX-License-Identifier: Apache-2.0
// The part of Graph that keeps packets for nodes, and sends them on later.
#include "core/graph/graph.h"
#include "core/graph/held_packets.h"

namespace weft {

Owned Graph::Own(const Packet& packet) {
  if (layout_.held == nullptr) return {};
  const Owned owned = layout_.held->Keep(packet, Now());
  if (owned) ++by_hand_;
  return owned;
}

Packet* Graph::Kept(Owned owned) {
  return layout_.held == nullptr ? nullptr : layout_.held->Find(owned);
}

bool Graph::SendAt(NodeIndex from, Owned owned, Time when, VerdictCode verdict) {
  Packet* const packet = Kept(owned);
  if (packet == nullptr) return false;
  const Slot& slot = layout_.slots[from.value()];
  if (IsDrop(verdict)) {
    DropPacket(from, *packet, slot.blames_receiver ? packet->out_port() : packet->in_port(),
               static_cast<uint8_t>(verdict - kFirstDrop));
  }
  if (!IsNext(verdict) && (verdict != kContinue || !slot.is_feature)) {
    layout_.held->Release(owned);
    return true;
  }
  HeldRoute route;
  route.in_life = tables_->life(packet->in_port());
  route.out_life = tables_->life(packet->out_port());
  if (verdict == kContinue) {
    route.way = HeldRoute::Way::kOnward;
    route.arc = slot.arc;
    route.node = slot.name;
    const ArcTables::OneArc& arc = tables_->arc(slot.arc);
    const ChainId chain = ChainOf(slot.arc, *packet);
    const NodeIndex next = chain.valid() ? arc.following[from.value()][chain.value()] : NodeIndex();
    route.follower = next.valid() ? layout_.slots[next.value()].name : uint16_t{0};
  } else {
    const PlanTarget& target = slot.nexts[verdict];
    route.way = target.is_arc ? HeldRoute::Way::kArc : HeldRoute::Way::kNode;
    route.arc = target.arc;
    route.node = layout_.slots[target.node.value()].name;
  }
  return layout_.held->Send(owned, when, Now(), route);
}

// Who comes after the node that kept a packet, on the chain that its port has by now. If that node
// has gone the packet goes on where it would have: at who came next, or at who comes after that.
NodeIndex Graph::FollowerOf(const HeldRoute& route, ChainId chain) const {
  const ArcTables::OneArc& arc = tables_->arc(route.arc);
  const NodeIndex holder = FindNamed(route.node);
  const NodeIndex follower = holder.valid() ? holder : FindNamed(route.follower);
  if (!follower.valid()) return NodeIndex();
  // Nodes of a chain are in the order of the plan.
  const size_t from = holder.valid() ? size_t{holder.value()} + 1 : follower.value();
  NodeIndex node = arc.first[chain.value()];
  while (node.value() < from && !layout_.slots[node.value()].ends_arc)
    node = arc.following[node.value()][chain.value()];
  return node;
}

Graph::Resumed Graph::Resume(NodeIndex from, Packet& packet) {
  const HeldRoute& route = layout_.held->RouteOf(packet);
  if (route.in_life != tables_->life(packet.in_port()) ||
      route.out_life != tables_->life(packet.out_port())) {
    return Resumed::kPortGone;
  }
  Exit exit{NodeIndex(), {}};
  if (route.way == HeldRoute::Way::kOnward) {
    const ChainId chain = ChainOf(route.arc, packet);
    if (!chain.valid()) return Resumed::kPortGone;
    exit.node = FollowerOf(route, chain);
    if (exit.node.valid() && !layout_.slots[exit.node.value()].ends_arc)
      exit.chains[static_cast<size_t>(route.arc)] = chain;
  } else if (route.way == HeldRoute::Way::kArc && tables_->arc(route.arc).trivial) {
    exit.node = tables_->arc(route.arc).direct;
  } else {
    exit.node = FindNamed(route.node);
  }
  if (!exit.node.valid()) return Resumed::kNodeGone;
  Hand(from, packet, exit);
  return Resumed::kSent;
}

Time Graph::NextDue() const {
  const auto due = layout_.held == nullptr ? std::nullopt : layout_.held->NextDue();
  return due.value_or(Time::max());
}

}  // namespace weft
