// SPDX-License-Identifier: Apache-2.0
// The part of Graph that counts and remembers what is lost.
#include <algorithm>
#include <cstring>

#include "core/graph/graph.h"

namespace weft {

void Graph::DropPackets(const Slot& slot, Packet* const* packets, size_t count, uint8_t reason) {
  const size_t drop = slot.first_drop + size_t{reason};
  for (size_t i = 0; i < count; ++i) {
    const PortId blamed = slot.blames_receiver ? packets[i]->out_port() : packets[i]->in_port();
    counters_.drop(blamed, drop).Add();
    // More than these would write over each other.
    if (i + DropLog::kEach >= count) LogDrop(blamed, static_cast<uint16_t>(drop), *packets[i]);
  }
}

void Graph::DropPacket(NodeIndex from, const Packet& packet, PortId blamed, uint8_t reason) {
  const auto drop = static_cast<uint16_t>(layout_.slots[from.value()].first_drop + reason);
  counters_.drop(blamed, drop).Add();
  LogDrop(blamed, drop, packet);
  ++by_hand_;
  if (packet.traced()) TracePacket(from, packet, static_cast<VerdictCode>(kFirstDrop + reason));
}

void Graph::LogDrop(PortId blamed, uint16_t drop, uint64_t packets) {
  drop_log_.Add(blamed, {.cycles = dispatch_start_,
                         .drop = drop,
                         .packets = static_cast<uint16_t>(std::min<uint64_t>(packets, 0xffff))});
}

void Graph::LogDrop(PortId blamed, uint16_t drop, const Packet& packet) {
  DroppedPacket dropped{.cycles = dispatch_start_,
                        .length = packet.length(),
                        .drop = drop,
                        .in_port = packet.in_port(),
                        .out_port = packet.out_port()};
  std::memcpy(dropped.header.data(), packet.header(),
              std::min<size_t>(packet.header_length(), dropped.header.size()));
  drop_log_.Add(blamed, dropped);
}

}  // namespace weft
