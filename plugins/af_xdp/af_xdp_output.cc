// SPDX-License-Identifier: Apache-2.0
#include "plugins/af_xdp/af_xdp_output.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace weft::af_xdp {
namespace {

// The one copy. Returns the length with padding; a chunk holds the longest frame of the MTU.
uint32_t Copy(const Packet& packet, uint8_t* to) {
  std::memcpy(to, packet.header(), packet.header_length());
  uint32_t at = packet.header_length();
  for (size_t i = 0; i < packet.segment_count(); ++i) {
    const weft::Segment& from = packet.segment(i);
    from.data.CopyOut(to + at, from.length);
    at += from.length;
  }
  if (at < kMinWireFrame) {
    std::memset(to + at, 0, kMinWireFrame - at);  // else it were what the last frame left there
    at = static_cast<uint32_t>(kMinWireFrame);
  }
  return at;
}

}  // namespace

void AfXdpOutput::Process(Frame& frame) {
  if (table_ == nullptr) table_ = published_table_.Load();
  charged_until_ = Cycles();
  splitter_.ForEachPort(frame, [&](PortId port, Packet* const* packets, size_t count,
                                   PortId /*next*/) { Send(port, packets, count); });
}

void AfXdpOutput::Send(PortId port, Packet* const* packets, size_t count) {
  const PortQueues* const to = table_ != nullptr ? table_->Find(port) : nullptr;
  if (to == nullptr) {
    for (size_t i = 0; i < count; ++i) DropPacket(*packets[i], port, Drop::kPortDown);
    return;
  }
  software_.ForEachRun(packets, count, OffloadSet{0},
                       [&](Packet* const* run, size_t size) { Write(*to, run, size); });
  Charge(port);
}

void AfXdpOutput::Write(const PortQueues& to, Packet* const* packets, size_t count) {
  const PortId port = to.port;
  XdpQueue& queue = to.transmit_queue(worker_);
  uint32_t sent = 0;
  uint64_t bytes = 0;
  {
    const SpinGuard lock(queue.sender());
    const uint32_t free = queue.FreeToSend(static_cast<uint32_t>(count));
    for (size_t i = 0; i < count; ++i) {
      Packet& packet = *packets[i];
      if (ExceedsMtu(packet.header(), packet.length(), to.mtu)) [[unlikely]] {
        DropPacket(packet, port, Drop::kTooLong);
        continue;
      }
      if (sent == free) [[unlikely]] {
        DropPacket(packet, port, Drop::kTxFull);
        continue;
      }
      const uint64_t chunk = queue.TakeChunk();
      queue.Send(chunk, Copy(packet, queue.At(chunk)));
      bytes += packet.length();
      ++sent;
      TraceSent(packet);
    }
    queue.PublishSent();
  }
  if (sent_[port.value()] == 0 && sent != 0) used_[used_count_++] = port;
  sent_[port.value()] += sent;
  PortCounters& counters = port_counters(port);
  counters.tx_packets.Add(sent);
  counters.tx_bytes.Add(bytes);
  Count(Counter::kCopiedBytes, bytes);
}

// What was done since the last Charge was done for this port.
void AfXdpOutput::Charge(PortId port) {
  const uint64_t now = Cycles();
  port_counters(port).tx_cycles.Add(now - charged_until_);
  charged_until_ = now;
}

void AfXdpOutput::EndDispatch() {
  charged_until_ = Cycles();
  for (size_t i = 0; i < used_count_; ++i) {
    const PortId port = used_[i];
    table_->Find(port)->transmit_queue(worker_).Kick();
    Charge(port);
    CountLatency(port, std::exchange(sent_[port.value()], 0), charged_until_);
  }
  used_count_ = 0;
  table_ = nullptr;
}

}  // namespace weft::af_xdp
