// SPDX-License-Identifier: Apache-2.0
#include "nodes/nic/nic_output.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "core/base/clock.h"
#include "core/base/spin_lock.h"

namespace weft::nic {
namespace {

// All `count` mbufs, or as many as there are.
size_t Allocate(rte_mempool* pool, rte_mbuf** mbufs, size_t count) {
  if (rte_pktmbuf_alloc_bulk(pool, mbufs, static_cast<unsigned>(count)) == 0) [[likely]]
    return count;
  size_t got = 0;
  while (got < count && (mbufs[got] = rte_pktmbuf_alloc(pool)) != nullptr) ++got;
  return got;
}

// The one copy. The pool's mbufs hold the longest frame of the MTU in one piece.
void Copy(const Packet& packet, rte_mbuf& mbuf) {
  uint8_t* const to = rte_pktmbuf_mtod(&mbuf, uint8_t*);
  std::memcpy(to, packet.header(), packet.header_length());
  size_t at = packet.header_length();
  for (size_t i = 0; i < packet.segment_count(); ++i) {
    const Segment& from = packet.segment(i);
    from.data.CopyOut(to + at, from.length);
    at += from.length;
  }
  if (at < kMinWireFrame) {
    std::memset(to + at, 0, kMinWireFrame - at);  // else it were what the last frame left there
    at = kMinWireFrame;
  }
  mbuf.data_len = static_cast<uint16_t>(at);
  mbuf.pkt_len = static_cast<uint32_t>(at);
}

}  // namespace

// What waits for one device.
struct NicOutput::Burst {
  const PortDevice* nic = nullptr;  // null: nothing in this dispatch yet
  size_t count = 0;
  uint64_t bytes = 0;
  uint64_t sent = 0;  // packets that the device has taken in this dispatch
  std::array<rte_mbuf*, Frame::kCapacity> mbufs;
  std::array<uint16_t, Frame::kCapacity> lengths;  // of the frames, without padding
};

NicOutput::NicOutput(const Published<NicTable>& table, WorkerId worker)
    : published_table_(table), worker_(worker), bursts_(new Burst[RTE_MAX_ETHPORTS]) {}

NicOutput::~NicOutput() = default;

void NicOutput::Process(Frame& frame) {
  if (table_ == nullptr) table_ = published_table_.Load();
  charged_until_ = Cycles();
  splitter_.ForEachPort(frame,
                        [&](PortId port, Packet* const* packets, size_t count, PortId /*next*/) {
                          Send(port, packets, count, frame.traced());
                        });
}

NicOutput::Burst& NicOutput::BurstFor(const PortDevice& nic) {
  Burst& burst = bursts_[nic.device->number()];
  if (burst.nic == nullptr) {
    burst.nic = &nic;
    used_[used_count_++] = nic.device->number();
  }
  return burst;
}

void NicOutput::Send(PortId port, Packet* const* packets, size_t count, bool traced) {
  const PortDevice* const nic = table_ != nullptr ? table_->Find(port) : nullptr;
  if (nic == nullptr) {
    for (size_t i = 0; i < count; ++i) DropPacket(*packets[i], port, Drop::kPortDown);
    return;
  }
  size_t first = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!packets[i]->offload().any()) [[likely]]
      continue;
    Write(*nic, packets + first, i - first, traced);
    const std::span<Packet* const> made = software_.Apply(*packets[i]);
    Count(Counter::kOffloaded);
    Count(Counter::kOffloadFrames, made.size());
    Write(*nic, made.data(), made.size(), traced);
    first = i + 1;
  }
  Write(*nic, packets + first, count - first, traced);
  Charge(port);
}

// Copies packets with nothing left to do into the burst of their device.
void NicOutput::Write(const PortDevice& nic, Packet* const* packets, size_t count, bool traced) {
  if (count == 0) return;
  const PortId port = nic.port;
  Burst& burst = BurstFor(nic);
  // A trace says of each packet whether it left, so traced ones are a burst of their own.
  if (traced || burst.count + count > burst.mbufs.size()) Transmit(burst, nullptr);

  rte_mbuf** const mbufs = burst.mbufs.data() + burst.count;
  const size_t allocated = Allocate(nic.device->pool(), mbufs, count);
  std::array<Packet*, Frame::kCapacity> taken;
  size_t used = 0;
  uint64_t copied = 0;
  for (size_t i = 0; i < count; ++i) {
    Packet& packet = *packets[i];
    if (ExceedsMtu(packet.header(), packet.length(), nic.mtu)) [[unlikely]] {
      DropPacket(packet, port, Drop::kTooLong);
      continue;
    }
    if (used == allocated) [[unlikely]] {
      DropPacket(packet, port, Drop::kNoBuffer);
      continue;
    }
    Copy(packet, *mbufs[used]);
    burst.lengths[burst.count + used] = static_cast<uint16_t>(packet.length());
    copied += packet.length();
    taken[used++] = &packet;
  }
  if (used < allocated) {
    rte_pktmbuf_free_bulk(mbufs + used, static_cast<unsigned>(allocated - used));
  }
  burst.count += used;
  burst.bytes += copied;
  Count(Counter::kCopiedBytes, copied);
  if (traced) Transmit(burst, taken.data());
}

// What was done since the last Charge was done for this port.
void NicOutput::Charge(PortId port) {
  const uint64_t now = Cycles();
  port_counters(port).tx_cycles.Add(now - charged_until_);
  charged_until_ = now;
}

void NicOutput::Transmit(Burst& burst, Packet* const* packets) {
  if (burst.count == 0) return;
  EthDevice& device = *burst.nic->device;
  const PortId port = burst.nic->port;
  size_t sent = 0;
  {
    EthDevice::TransmitQueue& queue = device.transmit_queue(worker_);
    const SpinGuard lock(queue.sender);
    sent = rte_eth_tx_burst(device.number(), queue.number, burst.mbufs.data(),
                            static_cast<uint16_t>(burst.count));
  }
  for (size_t i = sent; i < burst.count; ++i) burst.bytes -= burst.lengths[i];
  PortCounters& counters = port_counters(port);
  counters.tx_packets.Add(sent);
  counters.tx_bytes.Add(burst.bytes);
  burst.sent += sent;
  if (sent < burst.count) {
    rte_pktmbuf_free_bulk(burst.mbufs.data() + sent, static_cast<unsigned>(burst.count - sent));
  }
  if (packets != nullptr) [[unlikely]] {
    for (size_t i = 0; i < sent; ++i) TraceSent(*packets[i]);
    for (size_t i = sent; i < burst.count; ++i) DropPacket(*packets[i], port, Drop::kTxFull);
  } else if (sent < burst.count) {
    CountDrop(port, Drop::kTxFull, burst.count - sent);
  }
  burst.count = 0;
  burst.bytes = 0;
}

void NicOutput::EndDispatch() {
  charged_until_ = Cycles();
  for (size_t i = 0; i < used_count_; ++i) {
    Burst& burst = bursts_[used_[i]];
    Transmit(burst, nullptr);
    Charge(burst.nic->port);
  }
  for (size_t i = 0; i < used_count_; ++i) {
    Burst& burst = bursts_[used_[i]];
    CountLatency(burst.nic->port, std::exchange(burst.sent, 0), charged_until_);
    burst.nic = nullptr;
  }
  used_count_ = 0;
  table_ = nullptr;
}

}  // namespace weft::nic
