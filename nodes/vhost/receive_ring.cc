// SPDX-License-Identifier: Apache-2.0
#include "nodes/vhost/receive_ring.h"

#include <algorithm>
#include <span>

#include "core/base/spin_lock.h"
#include "nodes/vhost/copy_packet.h"
#include "nodes/vhost/packed_layout.h"
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
constexpr size_t kPayloadAhead = 4;
// How many chains are staged at a time.
constexpr uint16_t kStep = 8;

void PrefetchPacket(Packet& packet) {
  __builtin_prefetch(&packet);
  __builtin_prefetch(packet.snapshot(), 1);
  __builtin_prefetch(packet.snapshot() + 64);
}

// True if nothing is left to do and the frame is not too long.
[[gnu::always_inline]] inline bool IsPlain(const Packet& packet, uint32_t mtu) {
  if (packet.IsPlainWithin(mtu + static_cast<uint32_t>(kMinFrame))) [[likely]]
    return true;
  return !packet.offload().any() && !ExceedsMtu(packet.header(), packet.length(), mtu);
}

constexpr TransmitResult Result(TransmitDrop drop) { return static_cast<TransmitResult>(drop); }

}  // namespace

// Split: sees to it that `wanted` chains are available from the cursor on; available->idx is loaded
// at most once a burst. False if there are fewer.
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

// Split: loads heads and first descriptors of the chains up to position `end`, which are available.
// Ends early, and fails the ring, at a head that is not in the table. Packed: loads descriptors,
// and ends early at one that is not available.
template <bool kPacked>
[[gnu::always_inline]] inline void RingWriter::StageUntil(Burst& burst, uint16_t end) {
  const RingView& view = burst.view;
  const GuestMemory& memory = *view.memory;
  const uint16_t size = view.size;
  uint16_t position = burst.staged_end;
  for (; position != end; ++position) {
    Staged& staged = staged_[position % kWindow];
    Descriptor descriptor;
    if constexpr (kPacked) {
      if (!LoadPacked(view, position, descriptor)) {
        burst.available_end = position;
        break;
      }
      staged.head = descriptor.next;
    } else {
      staged.head = LoadHead(view, position);
      if (staged.head >= size) [[unlikely]] {
        Break(burst, RingError::kHeadOutOfRange);
        burst.available_end = position;
        break;
      }
      descriptor = LoadDescriptor(view, staged.head);
    }
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

// Finds the chain at `position`, which is as many chains behind the cursor as `chains` says, and
// walks it. No chain: the ring has none more, or has failed.
template <bool kPacked>
RingWriter::Found RingWriter::NextChain(Burst& burst, uint16_t position, size_t chains,
                                        Reserved& reserved) {
  const RingView& view = burst.view;
  if constexpr (kPacked) {
    return NextPacked(burst, position, reserved);
  } else {
    if (!Refill(burst, chains + 1)) return Found::kNone;
    if (position == burst.staged_end) StageUntil<false>(burst, static_cast<uint16_t>(position + 1));
    if (position == burst.staged_end) return Found::kNone;
    const Staged& staged = staged_[position % kWindow];
    reserved = {.head = staged.head, .positions = 1};
    const ChainFault fault =
        WalkChain<Direction::kToGuest>(view, staged.head, staged.descriptor, chain_);
    return fault == ChainFault::kNone ? Found::kGood : Found::kBad;
  }
}

// The same for a packed ring. What is staged is taken from there; what is not is not staged, as it
// may be more than there is room for.
RingWriter::Found RingWriter::NextPacked(Burst& burst, uint16_t position, Reserved& reserved) {
  std::array<Descriptor, kMaxChain + 1> descriptors;
  const auto next = burst.queue.cursor.next_avail;
  const auto staged = static_cast<uint16_t>(burst.staged_end - next);
  const auto available = static_cast<uint16_t>(burst.available_end - next);
  auto at = static_cast<uint16_t>(position - next);
  uint16_t length = 0;
  for (;; ++at) {
    if (at == available) {
      // All that the ring can have, and still no end of this chain.
      if (at == burst.view.size && length != 0) Break(burst, RingError::kAvailTooFarAhead);
      return Found::kNone;
    }
    Descriptor descriptor;
    const auto here = static_cast<uint16_t>(next + at);
    if (at < staged) {
      descriptor = staged_[here % kWindow].descriptor;
    } else if (!LoadPacked(burst.view, here, descriptor)) {
      burst.available_end = here;
      return Found::kNone;
    }
    if (length < descriptors.size()) descriptors[length] = descriptor;
    ++length;
    reserved.head = descriptor.next;
    if ((descriptor.flags & Descriptor::kNext) == 0) break;
  }
  reserved.positions = length;
  const ChainFault fault = WalkPacked<Direction::kToGuest>(
      burst.view, std::span(descriptors.data(), std::min<size_t>(length, descriptors.size())),
      chain_);
  return fault == ChainFault::kNone ? Found::kGood : Found::kBad;
}

void RingWriter::Break(Burst& burst, RingError reason) {
  burst.queue.Fail(reason);
  burst.broken = true;
}

// Returns a chain with `length` bytes in it.
template <bool kPacked>
void RingWriter::Return(Burst& burst, const Reserved& reserved, uint32_t length) {
  Queue::Cursor& cursor = burst.queue.cursor;
  if constexpr (kPacked) {
    PutPacked(cursor, burst.view, cursor.next_used, reserved.head, length);
  } else {
    PutUsed(burst.view, cursor.next_used, reserved.head, length);
  }
  cursor.next_used = static_cast<uint16_t>(cursor.next_used + reserved.positions);
  const auto staged = static_cast<uint16_t>(burst.staged_end - cursor.next_avail);
  cursor.next_avail = static_cast<uint16_t>(cursor.next_avail + reserved.positions);
  if (staged < reserved.positions) burst.staged_end = cursor.next_avail;
}

size_t RingWriter::Transmit(Queue& queue, const RingView& view, uint32_t mtu,
                            Packet* const* packets, size_t count, TransmitTally& tally,
                            TransmitResult* results) {
  const SpinGuard lock(queue.writer);
  const uint16_t next = queue.cursor.next_avail;
  // A packed ring does not say how much is available; it cannot be more than the ring has.
  const auto packed_end = static_cast<uint16_t>(next + view.size);
  Burst burst{.queue = queue,
              .view = view,
              .staged_end = next,
              .available_end = view.packed ? packed_end : queue.cursor.avail_seen,
              .broken = queue.error() != RingError::kNone};
  if (burst.broken) burst.available_end = next;
  if (!view.packed) Refill(burst, count);
  const SendFunction send_plain = view.packed ? send_packed_ : send_split_;
  size_t i = 0;
  while (i < count) {
    const size_t plain = (this->*send_plain)(burst, mtu, packets + i, count - i, tally);
    if (results != nullptr) std::fill_n(results + i, plain, kSent);
    i += plain;
    if (i == count || !packets[i]->offload().FitsIn(view.taken)) break;
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
  return i;
}

// Writes packets that fit a chain of one descriptor each, up to the first that does not, or for
// which nothing is available. Returns how many. What is written may lie anywhere as far as the
// compiler knows, so whatever is used again stands in locals.
template <bool kPacked>
[[gnu::always_inline]] inline size_t RingWriter::SendPlain(Burst& burst, uint32_t mtu,
                                                           Packet* const* packets, size_t count,
                                                           TransmitTally& tally) {
  Queue::Cursor& cursor = burst.queue.cursor;
  const ForeignPtr used = burst.view.used + kUsedRing;
  const uint32_t mask = burst.view.size - 1U;
  const bool wide = wide_copy_;
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
      if (static_cast<uint16_t>(burst.staged_end - next_avail) < ahead)
        StageUntil<kPacked>(burst, end);
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
    const bool plain = staged.data && staged.descriptor.length >= total && IsPlain(packet, mtu);
    if (!plain) [[unlikely]]
      break;
    const uint64_t head = staged.head;
    copied += CopyWhole(staged.data, packet, wide);
    bytes += length;
    if constexpr (kPacked) {
      PutPacked(cursor, burst.view, next_used, static_cast<uint16_t>(head), total);
    } else {
      PutUsedAt(used, next_used & mask, static_cast<uint32_t>(head), total);
    }
    ++next_used;
    ++next_avail;
  }
  cursor.next_avail = next_avail;
  cursor.next_used = next_used;
  tally.packets += i;
  tally.bytes += bytes;
  tally.copied_bytes += copied;
  return i;
}

template <bool kPacked>
size_t RingWriter::SendBaseline(Burst& burst, uint32_t mtu, Packet* const* packets, size_t count,
                                TransmitTally& tally) {
  return SendPlain<kPacked>(burst, mtu, packets, count, tally);
}
template <bool kPacked>
[[gnu::target("avx2,bmi,bmi2")]] size_t RingWriter::SendAvx2(Burst& burst, uint32_t mtu,
                                                             Packet* const* packets, size_t count,
                                                             TransmitTally& tally) {
  return SendPlain<kPacked>(burst, mtu, packets, count, tally);
}

RingWriter::RingWriter()
    : send_split_(__builtin_cpu_supports("avx2") ? &RingWriter::SendAvx2<false>
                                                 : &RingWriter::SendBaseline<false>),
      send_packed_(__builtin_cpu_supports("avx2") ? &RingWriter::SendAvx2<true>
                                                  : &RingWriter::SendBaseline<true>) {}

// One packet, whatever it and its chains look like.
TransmitResult RingWriter::Write(Burst& burst, uint32_t mtu, Packet& packet, TransmitTally& tally) {
  const uint32_t longest = packet.offload().any() ? LongestFrame(packet) : packet.length();
  if (ExceedsMtu(packet.header(), longest, mtu)) return Result(TransmitDrop::kTooLong);
  return burst.view.packed ? WriteSpread<true>(burst, packet, tally)
                           : WriteSpread<false>(burst, packet, tally);
}

// Returns the first `chains` reserved chains without a frame: length 0 (virtio 1.2 §2.7.8.2).
// Drivers count a frame too short to be one and post the buffers again.
template <bool kPacked>
TransmitResult RingWriter::ReturnBad(Burst& burst, size_t chains) {
  for (size_t i = 0; i < chains; ++i) Return<kPacked>(burst, reserved_[i], 0);
  return Result(TransmitDrop::kBadBuffer);
}

// A frame for more than one descriptor. Reserves chains until they hold it, then writes; what was
// reserved is given up by not moving the cursor.
//
// Without MRG_RXBUF a frame has one chain (§5.1.6.4.1). If that is too short it stays available:
// the driver is free to post less than 1526 bytes (§5.1.6.3.1 says SHOULD), a smaller frame may fit
// it, and nothing in §5.1.6.4 lets a device use a buffer without writing a header into it.
template <bool kPacked>
[[gnu::noinline]] TransmitResult RingWriter::WriteSpread(Burst& burst, Packet& packet,
                                                         TransmitTally& tally) {
  const Queue::Cursor& cursor = burst.queue.cursor;
  const uint32_t total = kNetHeader + packet.length();
  const size_t most_chains = burst.view.mergeable ? kMaxPieces : 1;
  uint32_t held = 0;
  size_t chains = 0;
  size_t pieces = 0;
  size_t descriptors = 0;
  uint16_t position = cursor.next_avail;
  const auto give_up = [&](TransmitDrop reason) {
    // Split: chains that were staged but not taken are staged anew for the next frame.
    if constexpr (!kPacked) burst.staged_end = cursor.next_avail;
    return Result(reason);
  };
  while (held < total) {
    if (chains == most_chains) return give_up(TransmitDrop::kBufferTooSmall);
    Reserved& reserved = reserved_[chains];
    const Found found = NextChain<kPacked>(burst, position, chains, reserved);
    if (found == Found::kNone) {
      return give_up(burst.broken ? TransmitDrop::kPortDown : TransmitDrop::kRingFull);
    }
    ++chains;
    // §5.1.6.3.1: a buffer is at least as long as the header.
    if (found == Found::kBad || chain_.bytes < kNetHeader) {
      return ReturnBad<kPacked>(burst, chains);
    }
    // Descriptors of no bytes are legal and cost as much as others.
    descriptors += chain_.descriptors;
    if (descriptors > kMaxPieces) return give_up(TransmitDrop::kBufferTooSmall);
    position = static_cast<uint16_t>(position + reserved.positions);
    const uint32_t before = held;
    for (size_t i = 0; i < chain_.count && held < total; ++i) {
      Segment& piece = pieces_[pieces++];
      piece = chain_.pieces[i];
      piece.length = std::min(piece.length, total - held);
      held += piece.length;
    }
    reserved.length = held - before;
  }

  if (packet.offload().any()) {
    WriteOffloadHeader(packet, static_cast<uint16_t>(chains));
  } else {
    WriteNetHeader(packet, static_cast<uint16_t>(chains));
  }
  tally.copied_bytes += CopySpread(pieces_.data(), packet);
  WriteNetHeader(packet, 1);  // a clone of it may be later in this burst
  for (size_t i = 0; i < chains; ++i) Return<kPacked>(burst, reserved_[i], reserved_[i].length);
  ++tally.packets;
  tally.bytes += packet.length();
  return kSent;
}

bool RingWriter::Publish(Queue& queue, const RingView& view) {
  const SpinGuard lock(queue.writer);
  return vhost::Publish(queue, view);
}

}  // namespace weft::vhost
