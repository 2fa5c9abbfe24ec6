// SPDX-License-Identifier: Apache-2.0
// The part of Graph that shows packets to traces and captures.
#include <algorithm>
#include <cstring>

#include "core/base/clock.h"
#include "core/graph/graph.h"
#include "core/graph/node.h"
#include "core/packet/copy_start.h"

namespace weft {
namespace {

bool IsNumbered(const Packet& packet) { return packet.traced() && packet.trace() != kWatched; }

}  // namespace

void Graph::SetWatch(Rcu& rcu, std::unique_ptr<const Watch> watch) {
  if (watch_.Load() == nullptr && watch == nullptr) return;
  watch_.Store(rcu, std::move(watch));
}

// A vector has come in while somebody watches.
void Graph::StartWatching(const Slot& input, Frame& frame) {
  if (watching_->trace != nullptr && watching_->trace->node == input.id) StartTraces(frame);
  if (watching_->taps.empty()) return;
  for (Packet* packet : frame) {
    if (!packet->traced()) packet->set_trace(kWatched);
  }
  frame.set_traced(true);
}

void Graph::StartTraces(Frame& frame) {
  const TraceRequest& request = *watching_->trace;
  if (request.number != trace_request_) {
    trace_request_ = request.number;
    traces_left_ = request.count;
  }
  for (Packet* packet : frame) {
    if (traces_left_ == 0) return;
    if (IsNumbered(*packet)) continue;
    if (request.port.valid() && packet->in_port() != request.port &&
        packet->out_port() != request.port) {
      continue;
    }
    if (request.filter != nullptr) {
      const size_t seen = CopyStart(*packet, seen_.get(), PacketFilter::kSeen);
      if (!request.filter->Matches(seen_.get(), seen, packet->length())) continue;
    }
    --traces_left_;
    do {
      ++last_trace_;
    } while (last_trace_ == 0 || last_trace_ == kWatched);
    packet->set_trace(last_trace_);
    frame.set_traced(true);
  }
}

void Graph::TraceFrame(NodeIndex from, const Frame& frame, const VerdictCode* verdicts,
                       VerdictCode all) {
  for (size_t i = 0; i < frame.size(); ++i) {
    if (frame[i].traced()) TracePacket(from, frame[i], verdicts == nullptr ? all : verdicts[i]);
  }
}

void Graph::TracePacket(NodeIndex from, const Packet& packet, VerdictCode verdict) {
  const Slot& slot = layout_.slots[from.value()];
  if (watching_ != nullptr && !watching_->taps.empty()) Capture(slot, packet, verdict);
  if (!IsNumbered(packet)) return;
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

void Graph::Capture(const Slot& slot, const Packet& packet, VerdictCode verdict) {
  size_t copied = 0;
  for (const auto& tap : watching_->taps) {
    if (!tap->Wants(slot.id, packet, verdict)) continue;
    // Another capture may have wanted fewer bytes; then the frame is read again.
    const size_t wanted = std::min<size_t>(tap->wanted(), packet.length());
    if (copied < wanted) copied = CopyStart(packet, seen_.get(), wanted);
    CapturedStep step;
    step.cycles = Cycles();
    step.since_poll = step.cycles - dispatch_start_;
    step.length = packet.length();
    step.node = slot.id;
    step.in_port = packet.in_port();
    step.out_port = packet.out_port();
    step.verdict = verdict;
    tap->Take(step, seen_.get(), copied);
  }
}

}  // namespace weft
