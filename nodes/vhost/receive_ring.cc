// SPDX-License-Identifier: Apache-2.0
#include "nodes/vhost/receive_ring.h"

#include <algorithm>

#include "core/base/spin_lock.h"
#include "nodes/vhost/virtio_net.h"

namespace weft::vhost {
namespace {

// How many chains are looked at before they are written.
constexpr uint16_t kLookAhead = 16;
// How many packets before it is copied a virtio-net header is written. Without a distance the wide
// loads of the copy would have to wait for the narrow stores of the header.
constexpr size_t kHeaderAhead = 4;
// The packets of a full vector are more than a first-level cache holds.
constexpr size_t kPacketAhead = 12;
// How many packets before it is copied a payload is fetched; only for reading: what is written is
// rarely anybody else's, and asking for it first gained nothing.
constexpr size_t kPayloadAhead = 2;
// How many chains are staged at a time.
constexpr uint16_t kStep = 8;

void PrefetchPacket(Packet& packet) {
  __builtin_prefetch(&packet);
  __builtin_prefetch(packet.snapshot(), 1);
  __builtin_prefetch(packet.snapshot() + 64);
}

void PrefetchPayload(const Packet& packet) {
  if (packet.segment_count() == 0) return;
  const Segment& from = packet.segment(0);
  for (uint32_t at = 0; at < from.length; at += 64) (from.data + at).Prefetch();
}

constexpr TransmitResult Result(TransmitDrop drop) { return static_cast<TransmitResult>(drop); }

// Copies what is private of a packet, its virtio-net header included, to `to`.
void CopyHeader(ForeignPtr to, Packet& packet) {
  const uint32_t length = kNetHeader + packet.header_length();
  if (length <= kMaxShortCopy) [[likely]] {
    to.CopyInShort(packet.virtio_net_header(), length);
  } else {
    to.CopyIn(packet.virtio_net_header(), length);
  }
}

// Copies a packet to one place that holds it. Returns the frame bytes copied.
inline uint64_t CopyWhole(ForeignPtr to, Packet& packet) {
  CopyHeader(to, packet);
  uint64_t copied = packet.header_length();
  for (size_t i = 0; i < packet.segment_count(); ++i) {
    const Segment& from = packet.segment(i);
    (to + kNetHeader + copied).CopyFrom(from.data, from.length);
    copied += from.length;
  }
  return copied;
}

// Where the next byte of a frame goes when it is spread over pieces.
class Spreader {
 public:
  explicit Spreader(const Segment* pieces) : piece_(pieces) {}

  // Calls copy(to, offset, length) for each part of the next `length` bytes.
  template <typename Copy>
  void Spread(size_t length, Copy copy) {
    for (size_t done = 0; done < length;) {
      if (used_ == piece_->length) {
        ++piece_;
        used_ = 0;
        continue;
      }
      const size_t part = std::min<size_t>(length - done, piece_->length - used_);
      copy(piece_->data + used_, done, part);
      used_ += part;
      done += part;
    }
  }

 private:
  const Segment* piece_;
  size_t used_ = 0;
};

// Copies a packet to pieces that together hold it. Returns the frame bytes copied.
uint64_t CopySpread(const Segment* pieces, Packet& packet) {
  uint64_t copied = 0;
  Spreader spreader(pieces);
  const uint8_t* const header = packet.virtio_net_header();
  spreader.Spread(kNetHeader + packet.header_length(), [&](ForeignPtr to, size_t at, size_t part) {
    to.CopyIn(header + at, part);
    copied += part;
  });
  for (size_t i = 0; i < packet.segment_count(); ++i) {
    const Segment& from = packet.segment(i);
    spreader.Spread(from.length, [&](ForeignPtr to, size_t at, size_t part) {
      to.CopyFrom(from.data + at, part);
      copied += part;
    });
  }
  return copied - kNetHeader;
}

}  // namespace

// Sees to it that `wanted` chains are available from the cursor on; available->idx is loaded at
// most once a burst. False if there are fewer.
bool RingWriter::Refill(Burst& burst, size_t wanted) {
  const uint16_t next = burst.queue.cursor.next_avail;
  if (static_cast<uint16_t>(burst.available_end - next) >= wanted) return true;
  if (burst.index_loaded || burst.broken) return false;
  burst.index_loaded = true;
  const size_t available = Available(burst.queue, burst.view, burst.view.size);
  burst.broken = burst.queue.error() != RingError::kNone;
  burst.available_end = static_cast<uint16_t>(next + available);
  return available >= wanted;
}

// Loads heads and first descriptors of the chains up to position `end`, which are available. Ends
// early, and fails the ring, at a head that is not in the table.
[[gnu::always_inline]] inline void RingWriter::StageUntil(Burst& burst, uint16_t end) {
  const RingView& view = burst.view;
  const GuestMemory& memory = *view.memory;
  const uint16_t size = view.size;
  uint16_t position = burst.staged_end;
  for (; position != end; ++position) {
    Staged& staged = staged_[position % kWindow];
    staged.head = LoadHead(view, position);
    if (staged.head >= size) [[unlikely]] {
      burst.queue.Fail(RingError::kHeadOutOfRange);
      burst.broken = true;
      burst.available_end = position;
      break;
    }
    const Descriptor descriptor = LoadDescriptor(view, staged.head);
    ForeignPtr data;
    if (descriptor.flags == Descriptor::kWrite) [[likely]] {
      data = memory.Translate(descriptor.address, descriptor.length);
      if (data) [[likely]] {
        data.PrefetchForWrite();
        (data + 64).PrefetchForWrite();
      }
    }
    staged.descriptor = descriptor;
    staged.data = data;
  }
  burst.staged_end = position;
}

// The chain at `position`, which is available; null if it failed the ring.
const RingWriter::Staged* RingWriter::At(Burst& burst, uint16_t position) {
  if (position == burst.staged_end) StageUntil(burst, static_cast<uint16_t>(position + 1));
  return position == burst.staged_end ? nullptr : &staged_[position % kWindow];
}

void RingWriter::Transmit(Queue& queue, const RingView& view, uint32_t mtu, Packet* const* packets,
                          size_t count, TransmitTally& tally, TransmitResult* results) {
  const SpinGuard lock(queue.writer);
  const uint16_t next = queue.cursor.next_avail;
  Burst burst{.queue = queue,
              .view = view,
              .staged_end = next,
              .available_end = queue.cursor.avail_seen,
              .broken = queue.error() != RingError::kNone};
  if (burst.broken) burst.available_end = next;
  Refill(burst, count);
  for (size_t i = 0; i < count;) {
    const size_t plain = (this->*send_plain_)(burst, mtu, packets + i, count - i, tally);
    if (results != nullptr) std::fill_n(results + i, plain, kSent);
    i += plain;
    if (i == count) break;
    const TransmitResult result = Write(burst, mtu, *packets[i], tally);
    if (result != kSent) {
      ++tally.drops[result];
      ++tally.dropped;
    }
    if (results != nullptr) results[i] = result;
    ++i;
  }
  if (view.memory->faulted()) [[unlikely]] {
    queue.Fail(RingError::kMemoryFaulted);
  }
}

// Writes packets that fit a chain of one descriptor each, up to the first that does not, or for
// which nothing is available. Returns how many. What is written may lie anywhere as far as the
// compiler knows, so whatever is used again stands in locals.
[[gnu::always_inline]] inline size_t RingWriter::SendPlain(Burst& burst, uint32_t mtu,
                                                           Packet* const* packets, size_t count,
                                                           TransmitTally& tally) {
  Queue::Cursor& cursor = burst.queue.cursor;
  const ForeignPtr used = burst.view.used + kUsedRing;
  const uint32_t mask = burst.view.size - 1U;
  uint16_t next_avail = cursor.next_avail;
  uint16_t next_used = cursor.next_used;
  uint64_t bytes = 0;
  uint64_t copied = 0;
  for (size_t i = 0; i < std::min(count, kPacketAhead); ++i) PrefetchPacket(*packets[i]);
  for (size_t i = 0; i < std::min(count, kHeaderAhead); ++i) WriteNetHeader(*packets[i], 1);
  size_t i = 0;
  for (; i < count; ++i) {
    if (i % kStep == 0) {
      const auto available = static_cast<uint16_t>(burst.available_end - next_avail);
      const size_t ahead = std::min<size_t>({available, count - i, kLookAhead + kStep});
      const auto end = static_cast<uint16_t>(next_avail + ahead);
      // More than that is staged already where a frame that was spread gave chains up.
      if (static_cast<uint16_t>(burst.staged_end - next_avail) < ahead) StageUntil(burst, end);
    }
    if (burst.staged_end == next_avail) [[unlikely]]
      break;
    if (i + kPacketAhead < count) PrefetchPacket(*packets[i + kPacketAhead]);
    if (i + kHeaderAhead < count) WriteNetHeader(*packets[i + kHeaderAhead], 1);
    if (i + kPayloadAhead < count) PrefetchPayload(*packets[i + kPayloadAhead]);
    Packet& packet = *packets[i];
    const Staged& staged = staged_[next_avail % kWindow];
    const uint32_t length = packet.length();
    const uint32_t total = kNetHeader + length;
    const bool plain = staged.data && staged.descriptor.length >= total &&
                       !ExceedsMtu(packet.header(), length, mtu);
    if (!plain) [[unlikely]]
      break;
    const uint64_t head = staged.head;
    copied += CopyWhole(staged.data, packet);
    bytes += length;
    PutUsedAt(used, next_used++ & mask, static_cast<uint32_t>(head), total);
    ++next_avail;
  }
  cursor.next_avail = next_avail;
  cursor.next_used = next_used;
  tally.packets += i;
  tally.bytes += bytes;
  tally.copied_bytes += copied;
  return i;
}

size_t RingWriter::SendPlainBaseline(Burst& burst, uint32_t mtu, Packet* const* packets,
                                     size_t count, TransmitTally& tally) {
  return SendPlain(burst, mtu, packets, count, tally);
}
[[gnu::target("avx2,bmi,bmi2")]] size_t RingWriter::SendPlainAvx2(Burst& burst, uint32_t mtu,
                                                                  Packet* const* packets,
                                                                  size_t count,
                                                                  TransmitTally& tally) {
  return SendPlain(burst, mtu, packets, count, tally);
}

RingWriter::RingWriter()
    : send_plain_(__builtin_cpu_supports("avx2") ? &RingWriter::SendPlainAvx2
                                                 : &RingWriter::SendPlainBaseline) {}

// One packet, whatever it and its chains look like.
TransmitResult RingWriter::Write(Burst& burst, uint32_t mtu, Packet& packet, TransmitTally& tally) {
  if (ExceedsMtu(packet.header(), packet.length(), mtu)) return Result(TransmitDrop::kTooLong);
  if (!Refill(burst, 1))
    return Result(burst.broken ? TransmitDrop::kPortDown : TransmitDrop::kRingFull);
  return burst.view.mergeable ? WriteSpread<true>(burst, packet, tally)
                              : WriteSpread<false>(burst, packet, tally);
}

// Returns the next `chains` chains without a frame: §2.7.8.2's length 0. Drivers count a frame too
// short to be one and post the buffers again.
TransmitResult RingWriter::ReturnBad(Burst& burst, size_t chains) {
  Queue::Cursor& cursor = burst.queue.cursor;
  for (size_t i = 0; i < chains; ++i) {
    PutUsed(burst.view, cursor.next_used++, reserved_[i].head, 0);
    ++cursor.next_avail;
  }
  return Result(TransmitDrop::kBadBuffer);
}

// A frame for more than one descriptor. Reserves chains until they hold it, then writes; what was
// reserved is given up by not moving the cursor.
//
// Without MRG_RXBUF a frame has one chain (§5.1.6.4.1). If that is too short it stays available:
// the driver is free to post less than 1526 bytes (§5.1.6.3.1 says SHOULD), a smaller frame may fit
// it, and nothing in §5.1.6.4 lets a device use a buffer without writing a header into it.
template <bool kMergeable>
[[gnu::noinline]] TransmitResult RingWriter::WriteSpread(Burst& burst, Packet& packet,
                                                         TransmitTally& tally) {
  Queue::Cursor& cursor = burst.queue.cursor;
  const uint32_t total = kNetHeader + packet.length();
  uint32_t held = 0;
  size_t chains = 0;
  size_t pieces = 0;
  size_t descriptors = 0;
  // Chains that were staged but not taken are staged anew for the next frame.
  const auto give_up = [&](TransmitDrop reason) {
    burst.staged_end = cursor.next_avail;
    return Result(reason);
  };
  while (held < total) {
    if (chains == kMaxPieces || (!kMergeable && chains == 1))
      return give_up(TransmitDrop::kBufferTooSmall);
    if (!Refill(burst, chains + 1))
      return give_up(burst.broken ? TransmitDrop::kPortDown : TransmitDrop::kRingFull);
    const Staged* const staged = At(burst, static_cast<uint16_t>(cursor.next_avail + chains));
    if (staged == nullptr) return give_up(TransmitDrop::kPortDown);

    Reserved& reserved = reserved_[chains++];
    reserved.head = staged->head;
    const ChainFault fault =
        WalkChain<Direction::kToGuest>(burst.view, staged->head, staged->descriptor, chain_);
    // §5.1.6.3.1: a buffer is at least as long as the header.
    if (fault != ChainFault::kNone || chain_.bytes < kNetHeader) return ReturnBad(burst, chains);
    // Descriptors of no bytes are legal and cost as much as others.
    descriptors += chain_.descriptors;
    if (descriptors > kMaxPieces) return give_up(TransmitDrop::kBufferTooSmall);
    const uint32_t before = held;
    for (size_t i = 0; i < chain_.count && held < total; ++i) {
      Segment& piece = pieces_[pieces++];
      piece = chain_.pieces[i];
      piece.length = std::min(piece.length, total - held);
      held += piece.length;
    }
    reserved.length = held - before;
  }

  WriteNetHeader(packet, static_cast<uint16_t>(chains));
  tally.copied_bytes += CopySpread(pieces_.data(), packet);
  WriteNetHeader(packet, 1);  // a clone of it may be later in this burst
  for (size_t i = 0; i < chains; ++i) {
    PutUsed(burst.view, cursor.next_used++, reserved_[i].head, reserved_[i].length);
    ++cursor.next_avail;
  }
  ++tally.packets;
  tally.bytes += packet.length();
  return kSent;
}

bool RingWriter::Publish(Queue& queue, const RingView& view) {
  const SpinGuard lock(queue.writer);
  return PublishUsed(queue, view);
}

}  // namespace weft::vhost
