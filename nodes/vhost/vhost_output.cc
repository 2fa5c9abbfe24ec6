// SPDX-License-Identifier: Apache-2.0
#include "nodes/vhost/vhost_output.h"

#include <algorithm>

namespace weft::vhost {

VhostOutput::VhostOutput(const Published<VhostTable>& table, Notifier& notifier, WorkerId worker)
    : published_table_(table), notifier_(notifier), worker_(worker) {
  used_rings_.reserve(kMaxPorts);
  bucket_of_.fill(kNoBucket);
}

void VhostOutput::Process(Frame& frame) {
  if (table_ == nullptr) table_ = published_table_.Load();
  const PortId first = frame[0].out_port();
  const bool one_port = std::all_of(frame.begin(), frame.end(), [first](const Packet* packet) {
    return packet->out_port() == first;
  });
  if (one_port) {
    Send(first, frame.begin(), frame.size(), frame.traced());
  } else {
    SendSplit(frame);
  }
}

// Sorts the frame by out-port, stably, and sends it port by port.
void VhostOutput::SendSplit(Frame& frame) {
  struct Bucket {
    PortId port;
    uint16_t size;
    uint16_t end;
  };
  std::array<Bucket, Frame::kCapacity> buckets;
  std::array<uint16_t, Frame::kCapacity> choice;
  uint16_t count = 0;
  for (size_t i = 0; i < frame.size(); ++i) {
    const PortId port = frame[i].out_port();
    uint16_t& bucket = bucket_of_[Row(port)];
    if (bucket == kNoBucket) {
      bucket = count++;
      buckets[bucket] = {.port = port, .size = 0, .end = 0};
    }
    ++buckets[bucket].size;
    choice[i] = bucket;
  }
  uint16_t begin = 0;
  for (size_t b = 0; b < count; ++b) {
    buckets[b].end = begin;
    begin = static_cast<uint16_t>(begin + buckets[b].size);
    bucket_of_[Row(buckets[b].port)] = kNoBucket;
  }
  for (size_t i = 0; i < frame.size(); ++i) sorted_[buckets[choice[i]].end++] = &frame[i];
  for (size_t b = 0; b < count; ++b) {
    if (b + 1 < count) Prefetch(buckets[b + 1].port);
    const Bucket& bucket = buckets[b];
    Send(bucket.port, sorted_.data() + (bucket.end - bucket.size), bucket.size, frame.traced());
  }
}

// The port's ring and its view for this dispatch: the same from the first packet to EndDispatch. No
// view if the port has none that runs.
const UsedRing& VhostOutput::RingFor(const PortRings& port) {
  UsedRing& ring = rings_[Row(port.port)];
  if (ring.view == nullptr) {
    ring.queue = port.ToGuest(worker_);
    ring.view = ring.queue != nullptr ? ring.queue->Running() : nullptr;
    if (ring.view != nullptr) used_rings_.push_back(ring);
  }
  return ring;
}

// Brings nearer the index that the next port's container writes.
void VhostOutput::Prefetch(PortId port) const {
  const PortRings* const rings = table_ != nullptr ? table_->Find(port) : nullptr;
  const Queue* const queue = rings != nullptr ? rings->ToGuest(worker_) : nullptr;
  const RingView* const view = queue != nullptr ? queue->Running() : nullptr;
  if (view != nullptr) view->available.Prefetch();
}

void VhostOutput::Send(PortId port, Packet* const* packets, size_t count, bool traced) {
  const PortRings* const rings = table_ != nullptr ? table_->Find(port) : nullptr;
  const UsedRing ring = rings != nullptr ? RingFor(*rings) : UsedRing();
  if (ring.view == nullptr) {
    for (size_t i = 0; i < count; ++i) DropPacket(*packets[i], port, Drop::kPortDown);
    return;
  }

  TransmitTally tally;
  std::array<TransmitResult, Frame::kCapacity> results;
  writer_.Transmit(*ring.queue, *ring.view, std::min(rings->mtu, ring.view->mtu), packets, count,
                   tally, traced ? results.data() : nullptr);
  PortCounters& counters = port_counters(port);
  counters.tx_packets.Add(tally.packets);
  counters.tx_bytes.Add(tally.bytes);
  Count(Counter::kCopiedBytes, tally.copied_bytes);
  if (traced) [[unlikely]] {
    for (size_t i = 0; i < count; ++i) {
      if (results[i] == kSent) {
        TraceSent(*packets[i]);
      } else {
        DropPacket(*packets[i], port, static_cast<Drop>(results[i]));
      }
    }
  } else if (tally.dropped != 0) {
    for (size_t i = 0; i < tally.drops.size(); ++i) {
      if (tally.drops[i] != 0) CountDrop(port, static_cast<Drop>(i), tally.drops[i]);
    }
  }
}

void VhostOutput::EndDispatch() {
  for (const UsedRing& ring : used_rings_) {
    rings_[Row(ring.queue->port())] = UsedRing();
    if (RingWriter::Publish(*ring.queue, *ring.view)) notifier_.Notify(ring.view->call);
  }
  used_rings_.clear();
  table_ = nullptr;
}

}  // namespace weft::vhost
