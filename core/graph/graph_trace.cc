// SPDX-License-Identifier: Apache-2.0
// The part of Graph that writes down where traced packets go.
#include <algorithm>
#include <cstring>

#include "core/base/clock.h"
#include "core/graph/graph.h"
#include "core/graph/node.h"

namespace weft {

void Graph::StartTraces(Frame& frame) {
  for (Packet* packet : frame) {
    if (packet->traced()) continue;
    if (trace_request_.remaining.load(std::memory_order_relaxed) == 0) return;
    trace_request_.remaining.fetch_sub(1, std::memory_order_relaxed);
    if (++last_trace_ == 0) ++last_trace_;
    packet->set_trace(last_trace_);
    frame.traced_ = true;
  }
}

void Graph::TraceFrame(NodeIndex from, const Frame& frame, const VerdictCode* verdicts,
                       VerdictCode all) {
  for (size_t i = 0; i < frame.size(); ++i) {
    if (frame[i].traced()) TracePacket(from, frame[i], verdicts == nullptr ? all : verdicts[i]);
  }
}

void Graph::TracePacket(NodeIndex from, const Packet& packet, VerdictCode verdict) {
  const Slot& slot = slots_[from.value()];
  TraceStep step;
  step.cycles = Cycles();
  step.trace = packet.trace();
  step.node = slot.id;
  step.verdict = verdict;
  step.in_port = packet.in_port();
  step.out_port = packet.out_port();
  step.length = packet.length();
  std::memcpy(step.header.data(), packet.header(),
              std::min<size_t>(packet.header_length(), step.header.size()));
  slot.node->RunTrace(packet, step.record.data());
  trace_ring_.Push(step);
}

}  // namespace weft
