// SPDX-License-Identifier: Apache-2.0
#include "plugins/memif/memif_output.h"

#include <utility>

namespace weft::memif {

MemifOutput::MemifOutput(const Published<MemifTable>& table, Notifier& notifier, WorkerId worker)
    : published_table_(table), notifier_(notifier), worker_(worker) {
  used_rings_.reserve(kMaxPorts);
}

void MemifOutput::Process(Frame& frame) {
  if (table_ == nullptr) table_ = published_table_.Load();
  charged_until_ = Cycles();
  splitter_.ForEachPort(frame, [&](PortId port, Packet* const* packets, size_t count, PortId next) {
    if (next.valid()) Prefetch(next);
    Send(port, packets, count, frame.traced());
  });
}

// The port's ring and its view for this dispatch: the same from the first packet to EndDispatch. No
// view if the port has none that runs.
const UsedRing& MemifOutput::RingFor(const PortRings& port) {
  UsedRing& ring = rings_[Row(port.port)];
  if (ring.view == nullptr) {
    ring.queue = port.ToPeer(worker_);
    ring.view = ring.queue != nullptr ? ring.queue->Running() : nullptr;
    if (ring.view != nullptr) used_rings_.push_back(ring);
  }
  return ring;
}

// Brings nearer what the next port's peer writes.
void MemifOutput::Prefetch(PortId port) const {
  const PortRings* const rings = table_ != nullptr ? table_->Find(port) : nullptr;
  const Queue* const queue = rings != nullptr ? rings->ToPeer(worker_) : nullptr;
  const RingView* const view = queue != nullptr ? queue->Running() : nullptr;
  if (view != nullptr) PrefetchNext(*queue, *view);
}

void MemifOutput::Send(PortId port, Packet* const* packets, size_t count, bool traced) {
  const PortRings* const rings = table_ != nullptr ? table_->Find(port) : nullptr;
  const UsedRing ring = rings != nullptr ? RingFor(*rings) : UsedRing();
  if (ring.view == nullptr) {
    for (size_t i = 0; i < count; ++i) DropPacket(*packets[i], port, Drop::kPortDown);
    return;
  }

  software_.ForEachRun(packets, count, 0, [&](Packet* const* run, size_t size) {
    Write(*rings, ring, run, size, traced);
  });
  const uint64_t now = Cycles();
  port_counters(port).tx_cycles.Add(now - charged_until_);
  charged_until_ = now;
}

void MemifOutput::Write(const PortRings& port, const UsedRing& ring, Packet* const* packets,
                        size_t count, bool traced) {
  TransmitTally tally;
  std::array<TransmitResult, Frame::kCapacity> results;
  writer_.Transmit(*ring.queue, *ring.view, port.mtu, packets, count, tally, results.data());
  PortCounters& counters = port_counters(port.port);
  counters.tx_packets.Add(tally.packets);
  counters.tx_bytes.Add(tally.bytes);
  sent_[Row(port.port)] += static_cast<uint32_t>(tally.packets);
  Count(Counter::kCopiedBytes, tally.copied_bytes);
  if (!traced && tally.dropped == 0) [[likely]]
    return;
  for (size_t i = 0; i < count; ++i) {
    if (results[i] == kSent) {
      TraceSent(*packets[i]);
    } else {
      DropPacket(*packets[i], port.port, static_cast<Drop>(results[i]));
    }
  }
}

void MemifOutput::EndDispatch() {
  for (const UsedRing& ring : used_rings_) {
    rings_[Row(ring.queue->port())] = UsedRing();
    if (RingWriter::Publish(*ring.queue, *ring.view)) notifier_.Notify(ring.view->call);
  }
  const uint64_t now = Cycles();
  for (const UsedRing& ring : used_rings_) {
    const PortId port = ring.queue->port();
    CountLatency(port, std::exchange(sent_[Row(port)], 0), now);
  }
  used_rings_.clear();
  table_ = nullptr;
}

}  // namespace weft::memif
