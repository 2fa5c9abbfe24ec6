// SPDX-License-Identifier: Apache-2.0
#include "nodes/vhost/vhost_output.h"

#include <algorithm>
#include <span>
#include <utility>

#include "core/base/clock.h"

namespace weft::vhost {

VhostOutput::VhostOutput(const Published<VhostTable>& table, Notifier& notifier, WorkerId worker)
    : published_table_(table), notifier_(notifier), worker_(worker) {
  used_rings_.reserve(kMaxPorts);
}

void VhostOutput::Process(Frame& frame) {
  if (table_ == nullptr) table_ = published_table_.Load();
  charged_until_ = Cycles();
  splitter_.ForEachPort(frame, [&](PortId port, Packet* const* packets, size_t count, PortId next) {
    if (next.valid()) Prefetch(next);
    Send(port, packets, count, frame.traced());
  });
}

// The port's ring and its view for this dispatch: the same from the first packet to EndDispatch. No
// view if the port has none that runs.
const UsedRing& VhostOutput::RingFor(const PortRings& port) {
  UsedRing& ring = rings_[Row(port.port)];
  if (ring.view == nullptr) {
    ring.queue = port.ToPeer(worker_);
    ring.view = ring.queue != nullptr ? ring.queue->Running() : nullptr;
    if (ring.view != nullptr) used_rings_.push_back(ring);
  }
  return ring;
}

// Brings nearer what the next port's container writes.
void VhostOutput::Prefetch(PortId port) const {
  const PortRings* const rings = table_ != nullptr ? table_->Find(port) : nullptr;
  const Queue* const queue = rings != nullptr ? rings->ToPeer(worker_) : nullptr;
  const RingView* const view = queue != nullptr ? queue->Running() : nullptr;
  if (view != nullptr) PrefetchNext(*queue, *view);
}

// Writes packets as they are, or drops them, and says how many: it ends before one that leaves more
// to be done than the container takes.
[[gnu::always_inline]] inline size_t VhostOutput::Write(const UsedRing& ring, uint32_t mtu,
                                                        Packet* const* packets, size_t count,
                                                        bool traced) {
  const PortId port = ring.queue->port();
  TransmitTally tally;
  std::array<TransmitResult, Frame::kCapacity> results;
  const size_t done =
      writer_.Transmit(*ring.queue, *ring.view, mtu, packets, count, tally, results.data());
  PortCounters& counters = port_counters(port);
  counters.tx_packets.Add(tally.packets);
  counters.tx_bytes.Add(tally.bytes);
  sent_[Row(port)] += static_cast<uint32_t>(tally.packets);
  Count(Counter::kCopiedBytes, tally.copied_bytes);
  if (traced || tally.dropped != 0) [[unlikely]] {
    for (size_t i = 0; i < done; ++i) {
      if (results[i] == kSent) {
        TraceSent(*packets[i]);
      } else {
        DropPacket(*packets[i], port, static_cast<Drop>(results[i]));
      }
    }
  }
  return done;
}

// The same from such a packet on, which plain ones are made of.
[[gnu::noinline]] void VhostOutput::WriteRest(const UsedRing& ring, uint32_t mtu,
                                              Packet* const* packets, size_t count, bool traced) {
  for (size_t done = 0; done < count;) {
    const std::span<Packet* const> made = software_.Apply(*packets[done++]);
    Count(Counter::kOffloaded);
    Count(Counter::kOffloadFrames, made.size());
    Write(ring, mtu, made.data(), made.size(), traced);
    done += Write(ring, mtu, packets + done, count - done, traced);
  }
}

void VhostOutput::Send(PortId port, Packet* const* packets, size_t count, bool traced) {
  const PortRings* const rings = table_ != nullptr ? table_->Find(port) : nullptr;
  const UsedRing ring = rings != nullptr ? RingFor(*rings) : UsedRing();
  if (ring.view == nullptr) {
    for (size_t i = 0; i < count; ++i) DropPacket(*packets[i], port, Drop::kPortDown);
    return;
  }

  const uint32_t mtu = std::min(rings->mtu, ring.view->mtu);
  const size_t done = Write(ring, mtu, packets, count, traced);
  if (done != count) [[unlikely]]
    WriteRest(ring, mtu, packets + done, count - done, traced);
  const uint64_t now = Cycles();
  port_counters(port).tx_cycles.Add(now - charged_until_);
  charged_until_ = now;
}

void VhostOutput::EndDispatch() {
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

}  // namespace weft::vhost
