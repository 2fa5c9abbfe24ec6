// SPDX-License-Identifier: Apache-2.0
#include "plugins/memif/memif_input.h"

#include <algorithm>
#include <atomic>
#include <span>
#include <utility>

namespace weft::memif {

MemifInput::MemifInput(const Published<MemifTable>& table, WorkerId worker,
                       std::shared_ptr<const KickSet> kicks)
    : table_(table), worker_(worker), kicks_(std::move(kicks)) {
  used_rings_.reserve(kMaxPorts * kMaxQueuePairs);
}

void MemifInput::Poll(Frame& frame) {
  const MemifTable* const table = table_.Load();
  if (table == nullptr) return;
  const std::span<const InputRing> rings = table->inputs(worker_);
  if (rings.empty()) return;
  // Who comes after the ring that filled the last vector is the first now; if none did, the next.
  size_t at = next_ring_ < rings.size() ? next_ring_ : 0;
  next_ring_ = at + 1;
  for (size_t i = 0; i < rings.size(); ++i) {
    const InputRing& ring = rings[at];
    at = at + 1 < rings.size() ? at + 1 : 0;
    PollRing(ring, frame);
    if (frame.room() == 0) {
      next_ring_ = at;
      return;
    }
  }
}

void MemifInput::PollRing(const InputRing& ring, Frame& frame) {
  Queue& queue = *ring.queue;
  const RingView* const view = queue.Running();
  if (view == nullptr) return;
  const PortId port = ring.port->port;
  ReceiveTally tally;
  const size_t got = reader_.Receive(queue, *view, ring.port->mtu, graph_->pool(), frame.end(),
                                     frame.room(), tally);
  if (got + tally.dropped == 0) return;
  used_rings_.push_back({&queue, view});
  frame.set_size(frame.size() + got);
  PortCounters& counters = port_counters(port);
  counters.rx_packets.Add(got);
  counters.rx_bytes.Add(tally.bytes);
  counters.rx_cycles.Add(Cycles() - tally.begin);
  Count(Counter::kSnapshotBytes, tally.snapshot_bytes);
  if (tally.dropped == 0) [[likely]]
    return;
  for (size_t i = 0; i < tally.drops.size(); ++i) {
    if (tally.drops[i] != 0) CountDrop(port, static_cast<Drop>(i), tally.drops[i]);
  }
}

void MemifInput::EndDispatch() {
  for (const UsedRing& ring : used_rings_) RingReader::Finish(*ring.queue, *ring.view);
  used_rings_.clear();
  reader_.EndDispatch();
}

// Every ring has an interrupt; only one that is not in this worker's set cannot wake it.
bool MemifInput::CanSleep() {
  bool can = true;
  ForEachRunning([&](Queue& queue, const RingView& view) {
    can = can && view.kick != nullptr && queue.kicks == kicks_;
  });
  return can;
}

void MemifInput::PrepareSleep(SleepSet& set) {
  set.Watch(kicks_->fd());
  ForEachRunning([](Queue&, const RingView& view) { AskForKick(view); });
  std::atomic_thread_fence(std::memory_order_seq_cst);
  bool idle = true;
  ForEachRunning([&](Queue& queue, const RingView& view) { idle = idle && IsIdle(queue, view); });
  if (!idle) set.StayAwake();
}

void MemifInput::Wake() {
  kicks_->Drain();
  ForEachRunning([](Queue&, const RingView& view) { DeclineKicks(view); });
}

}  // namespace weft::memif
