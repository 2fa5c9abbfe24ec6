// SPDX-License-Identifier: Apache-2.0
#include "nodes/vhost/vhost_input.h"

#include <algorithm>
#include <atomic>
#include <span>
#include <utility>

#include "core/base/clock.h"
#include "nodes/vhost/ring.h"

namespace weft::vhost {
namespace {

// Brings what the next ring's container writes nearer while this ring is at work.
void Prefetch(const InputRing& ring) {
  const RingView* const view = ring.queue->Running();
  if (view != nullptr) PrefetchNext(*ring.queue, *view);
}

}  // namespace

VhostInput::VhostInput(const Published<VhostTable>& table, Notifier& notifier, WorkerId worker,
                       std::shared_ptr<const KickSet> kicks)
    : table_(table), notifier_(notifier), worker_(worker), kicks_(std::move(kicks)) {
  used_rings_.reserve(kMaxPorts * kMaxQueuePairs);
}

void VhostInput::Poll(Frame& frame) {
  const VhostTable* const table = table_.Load();
  if (table == nullptr) return;
  const std::span<const InputRing> rings = table->inputs(worker_);
  if (rings.empty()) return;
  // Who comes after the ring that filled the last vector is the first now; if none did, the next.
  size_t at = next_ring_ < rings.size() ? next_ring_ : 0;
  next_ring_ = at + 1;
  for (size_t i = 0; i < rings.size(); ++i) {
    const InputRing& ring = rings[at];
    at = at + 1 < rings.size() ? at + 1 : 0;
    Prefetch(rings[at]);
    PollRing(ring, frame);
    if (frame.room() == 0) {
      next_ring_ = at;
      return;
    }
  }
}

void VhostInput::PollRing(const InputRing& ring, Frame& frame) {
  Queue& queue = *ring.queue;
  const PortRings& port = *ring.port;
  const RingView* const view = queue.Running();
  if (view == nullptr) return;
  ReceiveTally tally;
  const uint32_t mtu = std::min(port.mtu, view->mtu);
  const size_t got =
      reader_.Receive(queue, *view, mtu, graph_->pool(), frame.end(), frame.room(), tally);
  if (got + tally.dropped == 0) return;
  used_rings_.push_back({&queue, view});
  frame.set_size(frame.size() + got);
  PortCounters& counters = port_counters(port.port);
  counters.rx_packets.Add(got);
  counters.rx_bytes.Add(tally.bytes);
  counters.rx_cycles.Add(Cycles() - tally.begin);
  Count(Counter::kSnapshotBytes, tally.snapshot_bytes);
  if (tally.dropped == 0) [[likely]]
    return;
  for (size_t i = 0; i < tally.drops.size(); ++i) {
    if (tally.drops[i] != 0) CountDrop(port.port, static_cast<Drop>(i), tally.drops[i]);
  }
}

void VhostInput::EndDispatch() {
  for (const UsedRing& ring : used_rings_) {
    if (RingReader::Finish(*ring.queue, *ring.view)) notifier_.Notify(ring.view->call);
  }
  used_rings_.clear();
  reader_.EndDispatch();
}

// A container that sent no kick eventfd asks to be polled.
bool VhostInput::CanSleep() {
  const VhostTable* const table = table_.Load();
  if (table == nullptr || kicks_ == nullptr) return kicks_ != nullptr;
  const auto rings = table->inputs(worker_);
  return std::all_of(rings.begin(), rings.end(), [this](const InputRing& ring) {
    const RingView* const view = ring.queue->Running();
    return view == nullptr || (view->kick != nullptr && ring.queue->kicks == kicks_);
  });
}

void VhostInput::PrepareSleep(SleepSet& set) {
  set.Watch(kicks_->fd());
  const VhostTable* const table = table_.Load();
  if (table == nullptr) return;
  const auto rings = table->inputs(worker_);
  for (const InputRing& ring : rings) {
    const RingView* const view = ring.queue->Running();
    if (view != nullptr) AskForKick(*ring.queue, *view);
  }
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (const InputRing& ring : rings) {
    const RingView* const view = ring.queue->Running();
    if (view != nullptr && !IsIdle(*ring.queue, *view)) return set.StayAwake();
  }
}

// Rings that have frames say with the next Publish that they are polled; the others may kick.
void VhostInput::Wake() { kicks_->Drain(); }

}  // namespace weft::vhost
