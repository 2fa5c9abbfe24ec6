// SPDX-License-Identifier: Apache-2.0
#include "plugins/tap/tap_output.h"

#include <sys/uio.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace weft::tap {

void TapOutput::Process(Frame& frame) {
  if (table_ == nullptr) table_ = published_table_.Load();
  charged_until_ = Cycles();
  splitter_.ForEachPort(frame, [&](PortId port, Packet* const* packets, size_t count,
                                   PortId /*next*/) { Send(port, packets, count); });
}

void TapOutput::Send(PortId port, Packet* const* packets, size_t count) {
  const PortTap* const tap = table_ != nullptr ? table_->Find(port) : nullptr;
  if (tap == nullptr) {
    for (size_t i = 0; i < count; ++i) DropPacket(*packets[i], port, Drop::kPortDown);
    return;
  }
  uint64_t bytes = 0;
  uint32_t sent = 0;
  for (size_t i = 0; i < count; ++i) {
    Packet& packet = *packets[i];
    if (!Write(*tap, packet)) continue;
    bytes += packet.length();
    ++sent;
    TraceSent(packet);
  }
  const uint64_t now = Cycles();
  PortCounters& counters = port_counters(port);
  counters.tx_packets.Add(sent);
  counters.tx_bytes.Add(bytes);
  counters.tx_cycles.Add(now - charged_until_);
  charged_until_ = now;
  if (sent == 0) return;
  if (sent_[port.value()] == 0) used_.push_back(port);
  sent_[port.value()] += sent;
}

bool TapOutput::Write(const PortTap& tap, Packet& packet) {
  Drop reason = Drop::kPortDown;
  if (tap.device->seen_gone()) {
    // The port will be told of it soon.
  } else if (ExceedsMtu(packet.header(), LongestFrame(packet), tap.mtu)) {
    reason = Drop::kTooLong;
  } else if (packet.segment_count() >= kMaxPieces) {
    reason = Drop::kTooManySegments;
  } else {
    // The kernel takes every offload, whatever TUNSETOFFLOAD says of the other way.
    VirtioNetHeader header;
    WriteOffload(packet, header);
    std::memcpy(packet.virtio_net_header(), &header, sizeof(header));
    std::array<iovec, kMaxPieces> pieces;
    pieces[0] = {packet.virtio_net_header(), Packet::kVirtioNetHeader + packet.header_length()};
    for (size_t i = 0; i < packet.segment_count(); ++i) {
      // A tenant's memory is the kernel's to read here, once, as it is.
      pieces[i + 1] = {packet.segment(i).data.unsafe_host(), packet.segment(i).length};
    }
    // Any queue takes it; a worker always has the same, which keeps a flow's order.
    const int fd = tap.device->fd(worker_.value() % tap.device->queues());
    const ssize_t put = writev(fd, pieces.data(), static_cast<int>(1 + packet.segment_count()));
    if (put >= 0) {
      tap.device->SetDown(false);
      return true;
    }
    reason = ReasonOf(tap, errno);
  }
  DropPacket(packet, tap.port, reason);
  return false;
}

// As drivers/net/tun.c has them (tun_get_user, tun_chr_write_iter).
TapOutput::Drop TapOutput::ReasonOf(const PortTap& tap, int error) {
  switch (error) {
    case EIO:
      tap.device->SetDown(true);
      return Drop::kInterfaceDown;
    case EBADFD:
      tap.device->SetGone();
      return Drop::kPortDown;
    case EAGAIN:
    case ENOMEM:
    case ENOBUFS:
      return Drop::kNoMemory;
    case EFAULT:
      return Drop::kLostMemory;
    default:
      return Drop::kRefused;
  }
}

void TapOutput::EndDispatch() {
  const uint64_t now = Cycles();
  for (const PortId port : used_) CountLatency(port, std::exchange(sent_[port.value()], 0), now);
  used_.clear();
  table_ = nullptr;
}

}  // namespace weft::tap
