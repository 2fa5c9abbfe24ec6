// SPDX-License-Identifier: Apache-2.0
#include "nodes/vhost/receive_ring.h"

#include <immintrin.h>

#include <algorithm>

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

void PrefetchPacket(Packet& packet) {
  __builtin_prefetch(&packet);
  __builtin_prefetch(packet.snapshot(), 1);
  __builtin_prefetch(packet.snapshot() + 64);
}

constexpr TransmitResult Result(TransmitDrop drop) { return static_cast<TransmitResult>(drop); }

// Holds the ring's lock. Spins: the holder is a worker that runs, in the middle of a burst.
class WriterLock {
 public:
  explicit WriterLock(std::atomic_flag& flag) : flag_(flag) {
    while (flag_.test_and_set(std::memory_order_acquire)) {
      while (flag_.test(std::memory_order_relaxed)) _mm_pause();
    }
  }
  ~WriterLock() { flag_.clear(std::memory_order_release); }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  std::atomic_flag& flag_;
};

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

// Loads one more chain's head and first descriptor; false if that fails the ring.
inline bool RingWriter::StageNext(Burst& burst) {
  Staged& staged = staged_[burst.staged_end % kWindow];
  staged.head = LoadHead(burst.view, burst.staged_end);
  if (staged.head >= burst.view.size) [[unlikely]] {
    burst.queue.Fail(RingError::kHeadOutOfRange);
    burst.broken = true;
    burst.available_end = burst.staged_end;
    return false;
  }
  ++burst.staged_end;
  staged.descriptor = LoadDescriptor(burst.view, staged.head);
  staged.data = ForeignPtr();
  if (staged.descriptor.flags == Descriptor::kWrite) [[likely]] {
    staged.data = burst.view.memory->Translate(staged.descriptor.address, staged.descriptor.length);
    if (staged.data) [[likely]] {
      staged.data.PrefetchForWrite();
      (staged.data + 64).PrefetchForWrite();
    }
  }
  return true;
}

// The chain at `position`, which is available; null if it failed the ring.
const RingWriter::Staged* RingWriter::At(Burst& burst, uint16_t position) {
  if (position == burst.staged_end && !StageNext(burst)) return nullptr;
  return &staged_[position % kWindow];
}

void RingWriter::Transmit(Queue& queue, const RingView& view, uint32_t mtu, Packet* const* packets,
                          size_t count, TransmitTally& tally, TransmitResult* results) {
  const WriterLock lock(queue.writer);
  const uint16_t next = queue.cursor.next_avail;
  Burst burst{.queue = queue,
              .view = view,
              .staged_end = next,
              .available_end = queue.cursor.avail_seen,
              .broken = queue.error() != RingError::kNone};
  if (burst.broken) burst.available_end = next;
  Refill(burst, count);
  const size_t staged =
      std::min<size_t>({count, kLookAhead, static_cast<uint16_t>(burst.available_end - next)});
  for (size_t i = 0; i < staged && StageNext(burst); ++i) {
  }
  for (size_t i = 0; i < std::min(count, kPacketAhead); ++i) PrefetchPacket(*packets[i]);
  for (size_t i = 0; i < std::min(count, kHeaderAhead); ++i) WriteNetHeader(*packets[i], 1);
  for (size_t i = 0; i < count; ++i) {
    if (i + kPacketAhead < count) PrefetchPacket(*packets[i + kPacketAhead]);
    if (i + kHeaderAhead < count) WriteNetHeader(*packets[i + kHeaderAhead], 1);
    const TransmitResult result = Write(burst, mtu, *packets[i], count - i, tally);
    if (result != kSent) [[unlikely]] {
      ++tally.drops[result];
      ++tally.dropped;
    }
    if (results != nullptr) results[i] = result;
  }
  if (view.memory->faulted()) [[unlikely]] {
    queue.Fail(RingError::kMemoryFaulted);
  }
}

// `left` is how many packets of the burst there are, this one included.
[[gnu::always_inline]] inline TransmitResult RingWriter::Write(Burst& burst, uint32_t mtu,
                                                               Packet& packet, size_t left,
                                                               TransmitTally& tally) {
  Queue::Cursor& cursor = burst.queue.cursor;
  if (ExceedsMtu(packet.header(), packet.length(), mtu)) [[unlikely]]
    return Result(TransmitDrop::kTooLong);
  if (!Refill(burst, 1)) [[unlikely]]
    return Result(burst.broken ? TransmitDrop::kPortDown : TransmitDrop::kRingFull);

  // Keep the look-ahead full; it is one step a packet unless frames are spread.
  const size_t ahead = static_cast<uint16_t>(burst.staged_end - cursor.next_avail);
  if (ahead < std::min<size_t>(kLookAhead, left) && burst.staged_end != burst.available_end) {
    StageNext(burst);
  }
  if (burst.staged_end == cursor.next_avail) [[unlikely]]
    return Result(TransmitDrop::kPortDown);

  const Staged& staged = staged_[cursor.next_avail % kWindow];
  const uint32_t total = kNetHeader + packet.length();
  if (!staged.data || staged.descriptor.length < total) [[unlikely]] {
    return burst.view.mergeable ? WriteSpread<true>(burst, packet, tally)
                                : WriteSpread<false>(burst, packet, tally);
  }
  tally.copied_bytes += CopyWhole(staged.data, packet);
  PutUsed(burst.view, cursor.next_used, staged.head, total);
  ++cursor.next_avail;
  ++cursor.next_used;
  ++tally.packets;
  tally.bytes += packet.length();
  return kSent;
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
  const WriterLock lock(queue.writer);
  return PublishUsed(queue, view);
}

}  // namespace weft::vhost
