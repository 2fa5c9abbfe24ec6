// SPDX-License-Identifier: Apache-2.0
#include "plugins/tap/tap_input.h"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

namespace weft::tap {
namespace {

constexpr size_t kFirstBytes = Packet::kSnapshot;  // of a read: header and beginning of the frame
constexpr uint64_t kFirstPause = 1024;             // ticks
constexpr size_t kCacheLine = 64;

// What the kernel left to be done, of the header as it was read.
OffloadFault ReadHeader(Packet& packet) {
  VirtioNetHeader header;
  std::memcpy(&header, packet.virtio_net_header(), sizeof(header));
  // Somebody has looked at the checksums (virtio 1.2 §5.1.6): nothing to do.
  header.flags &= static_cast<uint8_t>(~kDataValid);
  return ReadOffload(header, kEveryOffload, packet);
}

TapInput::Drop ReasonOf(OffloadFault fault) {
  switch (fault) {
    case OffloadFault::kUnsupported:
      return TapInput::Drop::kUnsupportedOffload;
    case OffloadFault::kTooManySegments:
      return TapInput::Drop::kTooManySegments;
    default:
      return TapInput::Drop::kBadHeader;
  }
}

}  // namespace

TapInput::TapInput(const Published<TapTable>& table, WorkerId worker, uint64_t longest_pause)
    : table_(table),
      worker_(worker),
      longest_pause_(longest_pause),
      memory_(new uint8_t[kMemory]) {}

void TapInput::Poll(Frame& frame) {
  const TapTable* const table = table_.Load();
  if (table == nullptr) return;
  const std::span<const InputQueue> queues = table->inputs(worker_);
  if (queues.empty()) return;
  // Who comes after the queue that filled the last vector is the first now; if none did, the next.
  size_t at = next_queue_ < queues.size() ? next_queue_ : 0;
  next_queue_ = at + 1;
  for (size_t i = 0; i < queues.size(); ++i) {
    PollQueue(queues[at], frame);
    at = at + 1 < queues.size() ? at + 1 : 0;
    if (!HasRoom(frame)) {
      next_queue_ = at;
      return;
    }
  }
}

void TapInput::PollQueue(const InputQueue& queue, Frame& frame) {
  const PortTap& tap = *queue.tap;
  Pause& pause = pauses_[tap.port.value()];
  const uint64_t begin = Cycles();
  if (begin < pause.until || tap.device->seen_gone()) return;
  PacketPool& pool = graph_->pool();
  const size_t before = frame.size();
  uint64_t bytes = 0;
  size_t reads = 0;
  for (; reads < kBurst && HasRoom(frame); ++reads) {
    const size_t mark = pool.taken();
    Packet* const packet = pool.Take();
    const std::array<iovec, 2> pieces = {{{packet->snapshot(), kFirstBytes},
                                          {memory_.get() + used_, kLongest - Packet::kMaxHeader}}};
    const ssize_t got = readv(tap.device->fd(queue.number), pieces.data(), pieces.size());
    if (got <= 0) {
      pool.RewindTo(mark);
      // Whatever is not "later" is for good: EBADFD is an interface that has gone.
      if (got == 0 || (errno != EAGAIN && errno != EINTR)) tap.device->SetGone();
      break;
    }
    if (!Accept(tap, *packet, static_cast<size_t>(got))) [[unlikely]] {
      pool.RewindTo(mark);
      continue;
    }
    bytes += packet->length();
    frame.Push(packet);
  }
  Count(Counter::kReads, reads);
  if (reads < kBurst && HasRoom(frame)) Count(Counter::kEmptyReads);
  pause.length = reads > 0 ? 0 : std::min(longest_pause_, std::max(2 * pause.length, kFirstPause));
  const uint64_t now = Cycles();
  pause.until = now + pause.length;
  if (reads == 0) return;
  PortCounters& counters = port_counters(tap.port);
  counters.rx_packets.Add(frame.size() - before);
  counters.rx_bytes.Add(bytes);
  counters.rx_cycles.Add(now - begin);
}

bool TapInput::Accept(const PortTap& tap, Packet& packet, size_t length) {
  const auto drop = [&](Drop reason) {
    CountDrop(tap.port, reason);
    return false;
  };
  if (length < Packet::kVirtioNetHeader + kMinFrame) return drop(Drop::kRunt);
  const auto frame = static_cast<uint32_t>(length - Packet::kVirtioNetHeader);
  if (frame > kMaxOffloadFrame) return drop(Drop::kTooLong);
  uint8_t* const header = packet.snapshot() + Packet::kVirtioNetHeader;
  packet.Reset(tap.port, header, std::min<uint32_t>(frame, Packet::kMaxHeader));
  const uint32_t rest = frame - packet.header_length();
  if (rest != 0) packet.SetPayload({ForeignPtr(memory_.get() + used_), rest});
  const OffloadFault fault = ReadHeader(packet);
  if (fault != OffloadFault::kNone) return drop(ReasonOf(fault));
  if (ExceedsMtu(header, LongestFrame(packet), tap.mtu)) return drop(Drop::kTooLong);
  used_ += (rest + kCacheLine - 1) / kCacheLine * kCacheLine;
  return true;
}

bool TapInput::CanSleep() {
  const TapTable* const table = table_.Load();
  return table == nullptr || table->inputs(worker_).size() <= kMaxWatched;
}

// The descriptors can be read as long as frames wait: there is nothing to arm, and who sleeps on
// them after a frame has come wakes at once.
void TapInput::PrepareSleep(SleepSet& set) {
  const TapTable* const table = table_.Load();
  if (table == nullptr) return;
  for (const InputQueue& queue : table->inputs(worker_)) {
    pauses_[queue.tap->port.value()] = Pause();  // who wakes looks
    // One that has gone could be read for ever.
    if (!queue.tap->device->seen_gone()) set.Watch(queue.tap->device->fd(queue.number));
  }
}

}  // namespace weft::tap
