// SPDX-License-Identifier: Apache-2.0
#include "nodes/l2/flood.h"

#include <algorithm>

namespace weft::l2 {

void Flood::Process(Frame& frame) {
  const BridgeTable& table = state_.table();
  mark_ = CloneMark();
  in_chunk_ = 0;
  ForEach(frame, [&](Packet& packet) -> Verdict {
    PortId last;  // to be served by the packet itself
    for (const PortId member : table.members(packet.out_group())) {
      if (member == packet.in_port()) continue;
      if (last.valid()) SendClone(packet, last);
      last = member;
    }
    if (!last.valid()) return Drop::kNoMembers;
    packet.set_out_port(last);
    return Next::kPortOutput;
  });
}

void Flood::SendClone(const Packet& packet, PortId to) {
  if (in_chunk_ == kChunk) {
    RunDownstream(mark_);
    in_chunk_ = 0;
  }
  Count(Counter::kClones);
  Packet* clone = Clone(packet);
  if (clone == nullptr && in_chunk_ != 0) {  // the pool is small: make do with shorter chunks
    RunDownstream(mark_);
    in_chunk_ = 0;
    clone = Clone(packet);
  }
  if (clone == nullptr) {
    CountDrop(packet.in_port(), Drop::kNoPackets);
    return;
  }
  clone->set_out_port(to);
  Emit(*clone, Next::kPortOutput);
  ++in_chunk_;
}

Flood::TraceRecord Flood::MakeTrace(const Packet& packet) const {
  const std::vector<PortId>& members = state_.table().members(packet.out_group());
  const auto others = std::count_if(members.begin(), members.end(),
                                    [&](PortId port) { return port != packet.in_port(); });
  return {.bridge = BridgeId(packet.out_group().value()), .copies = static_cast<uint16_t>(others)};
}

}  // namespace weft::l2
