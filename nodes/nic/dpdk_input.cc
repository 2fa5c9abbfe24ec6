// SPDX-License-Identifier: Apache-2.0
#include "nodes/nic/dpdk_input.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "core/base/clock.h"

namespace weft::nic {
namespace {

constexpr size_t kLookAhead = 4;  // packets whose first bytes are on their way

// Whether a packet's headers may stay in the mbuf: they are ours to write, with room before them.
bool CanLend(const rte_mbuf& mbuf) {
  return mbuf.data_len >= kMinFrame && rte_pktmbuf_headroom(&mbuf) >= Packet::kVirtioNetHeader &&
         rte_mbuf_refcnt_read(&mbuf) == 1 && RTE_MBUF_DIRECT(&mbuf);
}

}  // namespace

void DpdkInput::Poll(Frame& frame) {
  const NicTable* const table = table_.Load();
  if (table == nullptr) return;
  const std::span<const InputQueue> queues = table->inputs(worker_);
  if (queues.empty()) return;
  // Who comes after the queue that filled the last vector is the first now; if none did, the next.
  size_t at = next_queue_ < queues.size() ? next_queue_ : 0;
  next_queue_ = at + 1;
  for (size_t i = 0; i < queues.size(); ++i) {
    PollQueue(queues[at], frame);
    at = at + 1 < queues.size() ? at + 1 : 0;
    if (frame.room() == 0) {
      next_queue_ = at;
      return;
    }
  }
}

void DpdkInput::PollQueue(const InputQueue& queue, Frame& frame) {
  const PortDevice& nic = *queue.nic;
  PacketPool& pool = graph_->pool();
  const size_t room = std::min(frame.room(), pool.available());
  const uint64_t begin = Cycles();
  std::array<rte_mbuf*, Frame::kCapacity> burst;
  const size_t got = rte_eth_rx_burst(nic.device->number(), queue.number, burst.data(),
                                      static_cast<uint16_t>(room));
  if (got == 0) return;
  for (size_t i = 0; i < std::min(got, kLookAhead); ++i) {
    __builtin_prefetch(rte_pktmbuf_mtod(burst[i], const void*));
  }
  const size_t before = frame.size();
  uint64_t bytes = 0;
  for (size_t i = 0; i < got; ++i) {
    if (i + kLookAhead < got) {
      __builtin_prefetch(rte_pktmbuf_mtod(burst[i + kLookAhead], const void*));
    }
    rte_mbuf* const mbuf = burst[i];
    if (mbuf->pkt_len < kMinFrame || mbuf->pkt_len > kMaxFrame) [[unlikely]] {
      CountDrop(nic.port, mbuf->pkt_len < kMinFrame ? Drop::kRunt : Drop::kTooLong);
      rte_pktmbuf_free(mbuf);
      continue;
    }
    const size_t mark = pool.taken();
    Packet* const packet = pool.Take();  // there is one: `room` says so
    if (!Fill(*packet, nic.port, mbuf)) [[unlikely]] {
      CountDrop(nic.port, Drop::kTooManySegments);
      pool.RewindTo(mark);
      rte_pktmbuf_free(mbuf);
      continue;
    }
    mbufs_[held_++] = mbuf;
    bytes += packet->length();
    frame.Push(packet);
  }
  PortCounters& counters = port_counters(nic.port);
  counters.rx_packets.Add(frame.size() - before);
  counters.rx_bytes.Add(bytes);
  counters.rx_cycles.Add(Cycles() - begin);
}

bool DpdkInput::Fill(Packet& packet, PortId port, rte_mbuf* mbuf) {
  uint32_t skip = 0;  // bytes of the chain that are header already
  if (CanLend(*mbuf)) [[likely]] {
    skip = mbuf->data_len;
    packet.Reset(port, rte_pktmbuf_mtod(mbuf, uint8_t*), skip);
    if (mbuf->next == nullptr) [[likely]]
      return true;
  } else {
    skip = std::min<uint32_t>(mbuf->pkt_len, Packet::kMaxHeader);
    uint8_t* const header = packet.snapshot() + Packet::kVirtioNetHeader;
    uint32_t copied = 0;
    for (const rte_mbuf* piece = mbuf; piece != nullptr && copied < skip; piece = piece->next) {
      const uint32_t part = std::min<uint32_t>(piece->data_len, skip - copied);
      std::memcpy(header + copied, rte_pktmbuf_mtod(piece, const uint8_t*), part);
      copied += part;
    }
    if (copied < kMinFrame) return false;  // the driver's lengths contradict each other
    packet.Reset(port, header, copied);
    Count(Counter::kSnapshotBytes, copied);
    skip = copied;
  }
  std::array<Segment, kMaxSegments - 1>& more = segments_[held_];
  size_t count = 0;
  for (rte_mbuf* piece = mbuf; piece != nullptr; piece = piece->next) {
    const uint32_t begin = std::min<uint32_t>(skip, piece->data_len);
    skip -= begin;
    if (begin == piece->data_len) continue;
    if (count == kMaxSegments) return false;
    const Segment segment{ForeignPtr(rte_pktmbuf_mtod_offset(piece, uint8_t*, begin)),
                          piece->data_len - begin};
    if (count == 0) {
      packet.SetPayload(segment);
    } else {
      more[count - 1] = segment;
    }
    ++count;
  }
  if (count > 1) packet.SetMorePayload(more.data(), count - 1);
  return true;
}

bool DpdkInput::CanSleep() {
  const NicTable* const table = table_.Load();
  if (table == nullptr) return true;
  const std::span<const InputQueue> queues = table->inputs(worker_);
  return queues.size() <= kMaxWatched &&
         std::all_of(queues.begin(), queues.end(), [](const InputQueue& queue) {
           return queue.nic->device->wake_fd(queue.number) >= 0;
         });
}

// The descriptors can be read as long as frames wait: there is nothing to arm, and who sleeps on
// them after a frame has come wakes at once.
void DpdkInput::PrepareSleep(SleepSet& set) {
  const NicTable* const table = table_.Load();
  if (table == nullptr) return;
  for (const InputQueue& queue : table->inputs(worker_)) {
    set.Watch(queue.nic->device->wake_fd(queue.number));
  }
}

void DpdkInput::EndDispatch() {
  if (held_ == 0) return;
  rte_pktmbuf_free_bulk(mbufs_.data(), static_cast<unsigned>(held_));
  held_ = 0;
}

}  // namespace weft::nic
