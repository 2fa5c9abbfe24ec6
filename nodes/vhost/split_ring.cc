// SPDX-License-Identifier: Apache-2.0
#include "nodes/vhost/split_ring.h"

#include <algorithm>
#include <span>

#include "core/base/clock.h"
#include "nodes/vhost/virtio_net.h"

namespace weft::vhost {
namespace {

// How many chains are looked at before they are copied: enough to hide the way of a cache line from
// the core that wrote it.
constexpr size_t kLookAhead = 16;
// How many chains are staged at a time.
constexpr size_t kStep = 8;

// Two cache lines of a packed ring: as many descriptors are asked for at a time, and as far ahead.
constexpr uint16_t kPackedAhead = 8;

constexpr uint32_t kMinChainBytes = kNetHeader + static_cast<uint32_t>(kMinFrame);

void CountDrop(ReceiveTally& tally, ReceiveDrop reason) {
  ++tally.drops[static_cast<size_t>(reason)];
  ++tally.dropped;
}

ReceiveDrop DropFor(ChainFault fault) {
  switch (fault) {
    case ChainFault::kDirection:
      return ReceiveDrop::kBadDirection;
    case ChainFault::kNext:
      return ReceiveDrop::kBadNext;
    case ChainFault::kLoop:
      return ReceiveDrop::kChainLoop;
    case ChainFault::kTooManyDescriptors:
      return ReceiveDrop::kChainTooLong;
    case ChainFault::kIndirect:
      return ReceiveDrop::kBadIndirect;
    case ChainFault::kUnmapped:
      return ReceiveDrop::kUnmapped;
    case ChainFault::kTooManyBytes:
    case ChainFault::kNone:
      break;
  }
  return ReceiveDrop::kTooLong;
}

ReceiveDrop DropFor(OffloadFault fault) {
  switch (fault) {
    case OffloadFault::kUnsupported:
      return ReceiveDrop::kOffloadUnsupported;
    case OffloadFault::kTooManySegments:
      return ReceiveDrop::kTooManySegments;
    case OffloadFault::kNotNegotiated:
    case OffloadFault::kContradicted:
    case OffloadFault::kNone:
      break;
  }
  return ReceiveDrop::kBadOffload;
}

}  // namespace

RingReader::RingReader()
    : take_split_(__builtin_cpu_supports("avx2") ? &RingReader::TakeAvx2<false>
                                                 : &RingReader::TakeBaseline<false>),
      take_packed_(__builtin_cpu_supports("avx2") ? &RingReader::TakeAvx2<true>
                                                  : &RingReader::TakeBaseline<true>),
      loaded_(std::make_unique<Descriptor[]>(kMaxLoaded)),
      segments_(std::make_unique<Segment[]>(kMaxSegments)) {}
RingReader::~RingReader() = default;

// Heads of the next `count` chains of a split ring, all of them in the table; fewer if one is not.
size_t RingReader::LoadHeads(Queue& queue, const RingView& view, size_t count) {
  const uint16_t next = queue.cursor.next_avail;
  const uint16_t size = view.size;
  size_t i = 0;
  for (; i < count; ++i) {
    const uint16_t head = LoadHead(view, static_cast<uint16_t>(next + i));
    if (head >= size) [[unlikely]] {
      queue.Fail(RingError::kHeadOutOfRange);
      break;
    }
    heads_[i] = head;
    PrefetchDescriptor(view, head);
  }
  queue.cursor.next_avail = static_cast<uint16_t>(next + i);
  return i;
}

// The next `count` chains of a packed ring, or those that are available. All their descriptors are
// loaded here, for whether they are there and how many they are stands in themselves.
size_t RingReader::LoadChains(Queue& queue, const RingView& view, size_t count) {
  uint16_t position = queue.cursor.next_avail;
  // No more than the ring has without what is not returned yet, whatever its flags say.
  const auto end = static_cast<uint16_t>(queue.cursor.next_used + view.size);
  const size_t limit = std::min(count, queue.taken.size() - queue.taken_count);
  Queue::Taken* const taken = queue.taken.data() + queue.taken_count;
  size_t loaded = 0;
  size_t chains = 0;
  for (; chains < limit && position != end; ++chains) {
    if (loaded + kMaxChain + 1 > kMaxLoaded) break;
    if (position % kPackedAhead == 0) {
      PackedAt(view, static_cast<uint16_t>(position + 2 * kPackedAhead)).Prefetch();
      PackedAt(view, static_cast<uint16_t>(position + 3 * kPackedAhead - 1)).Prefetch();
    }
    Descriptor descriptor;
    if (!LoadPacked(view, position, descriptor)) break;
    heads_[chains] = static_cast<uint16_t>(loaded);
    loaded_[loaded] = descriptor;
    uint16_t length = 1;
    bool whole = true;
    while ((descriptor.flags & Descriptor::kNext) != 0) [[unlikely]] {
        const auto next = static_cast<uint16_t>(position + length);
        if (next == end) {
          queue.Fail(RingError::kAvailTooFarAhead);
          whole = false;
          break;
        }
        whole = LoadPacked(view, next, descriptor);
        if (!whole) break;
        if (length <= kMaxChain) loaded_[loaded + length] = descriptor;
        ++length;
      }
    if (!whole) break;
    taken[chains] = {.id = descriptor.next, .descriptors = length};
    loaded += std::min<size_t>(length, kMaxChain + 1);
    position = static_cast<uint16_t>(position + length);
  }
  heads_[chains] = static_cast<uint16_t>(loaded);
  queue.taken_count += chains;
  queue.cursor.next_avail = position;
  return chains;
}

// Loads the first descriptors of chains [first, last), and prefetches the data of those that are
// all of their chain.
template <bool kPacked>
[[gnu::always_inline]] inline void RingReader::Stage(const RingView& view, size_t first,
                                                     size_t last) {
  const GuestMemory& memory = *view.memory;
  // Between the shortest chain and the longest: one comparison, for what is less wraps.
  const uint32_t span = kNetHeader + view.longest_frame - kMinChainBytes;
  for (size_t i = first; i < last; ++i) {
    const Descriptor descriptor = kPacked ? loaded_[heads_[i]] : LoadDescriptor(view, heads_[i]);
    const uint32_t length = descriptor.length;
    ForeignPtr data;
    if (descriptor.flags == 0 && length - kMinChainBytes <= span) [[likely]] {
      data = memory.Translate(descriptor.address, length);
    }
    if (data) [[likely]] {
      const uint32_t header = std::min<uint32_t>(length, Packet::kSnapshot);
      data.Prefetch();
      (data + header / 2).Prefetch();
      (data + (header - 1)).Prefetch();
    }
    Staged& staged = staged_[i % kWindow];
    staged.descriptor = descriptor;
    staged.data = data;
  }
}

// Makes packets of the chains whose heads were loaded; see Receive. What is copied may lie anywhere
// as far as the compiler knows, so whatever is used again stands in locals.
template <bool kPacked>
[[gnu::always_inline]] inline size_t RingReader::Take(const Burst& burst) {
  const RingView& view = burst.view;
  const PortId port = burst.port;
  const uint32_t limit = burst.mtu + static_cast<uint32_t>(kMinFrame);  // untagged
  Packet** const out = burst.out;
  const size_t count = burst.count;
  ReceiveTally& tally = burst.tally;
  size_t good = 0;
  uint64_t bytes = 0;
  uint64_t snapshot_bytes = 0;
  Stage<kPacked>(view, 0, std::min(count, kLookAhead));
  for (size_t i = 0; i < count; ++i) {
    if (i % kStep == 0 && i + kLookAhead < count) {
      Stage<kPacked>(view, i + kLookAhead, std::min(count, i + kLookAhead + kStep));
    }
    const Staged& staged = staged_[i % kWindow];
    const ForeignPtr data = staged.data;
    const size_t segments_mark = segments_taken_;
    Packet& packet = *out[good];
    if (data) [[likely]] {
      const uint32_t length = staged.descriptor.length;
      const uint32_t copied = std::min<uint32_t>(length, Packet::kSnapshot);
      uint8_t* const snapshot = packet.snapshot();
      data.CopyOutShort(snapshot, copied);
      packet.Reset(port, snapshot + kNetHeader, copied - kNetHeader);
      if (length > Packet::kSnapshot) {
        packet.SetPayload(
            {data + Packet::kSnapshot, length - static_cast<uint32_t>(Packet::kSnapshot)});
      }
    } else if (!Gather<kPacked>(burst, i, staged.descriptor, packet)) {
      continue;
    }
    const bool plain = !AsksForOffload(packet.snapshot()) && packet.length() <= limit;
    if (!plain && !IsGood(burst, packet)) [[unlikely]] {
      segments_taken_ = segments_mark;
      continue;
    }
    bytes += packet.length();
    snapshot_bytes += packet.header_length();
    ++good;
  }
  if constexpr (!kPacked) {
    // The container does not look at used elements before the index covers them: see Finish.
    const ForeignPtr used = view.used + kUsedRing;
    const uint32_t mask = view.size - 1U;
    for (size_t i = 0; i < count; ++i) PutUsedAt(used, (first_ + i) & mask, heads_[i], 0);
  }
  tally.packets += good;
  tally.bytes += bytes;
  tally.snapshot_bytes += snapshot_bytes;
  return good;
}

template <bool kPacked>
size_t RingReader::TakeBaseline(const Burst& burst) {
  return Take<kPacked>(burst);
}
template <bool kPacked>
[[gnu::target("avx2,bmi,bmi2")]] size_t RingReader::TakeAvx2(const Burst& burst) {
  return Take<kPacked>(burst);
}

size_t RingReader::Receive(Queue& queue, const RingView& view, uint32_t mtu, PacketPool& pool,
                           Packet** out, size_t max, ReceiveTally& tally) {
  const size_t burst_limit = (view.left & kOffloadTso) != 0 ? kMaxTsoBurst : kMaxBurst;
  const size_t wanted = std::min(
      {max, burst_limit, pool.available(), (kMaxSegments - segments_taken_) / kMaxMoreSegments});
  first_ = queue.cursor.next_avail;
  const size_t count = view.packed ? LoadChains(queue, view, wanted)
                                   : LoadHeads(queue, view, Available(queue, view, wanted));
  if (count == 0) return 0;

  tally.begin = Cycles();
  const size_t mark = pool.taken();
  for (size_t i = 0; i < count; ++i) out[i] = pool.Take();
  const Burst burst{view, queue.port(), mtu, out, count, tally};
  const size_t good = (this->*(view.packed ? take_packed_ : take_split_))(burst);
  pool.RewindTo(mark + good);
  if (view.memory->faulted()) [[unlikely]] {
    queue.Fail(RingError::kMemoryFaulted);
  }
  return good;
}

// The snapshot is complete, and says something unusual: false, and a drop, if the frame may not go
// on.
[[gnu::noinline]] bool RingReader::IsGood(const Burst& burst, Packet& packet) {
  ReceiveTally& tally = burst.tally;
  uint32_t longest = packet.length();
  if (AsksForOffload(packet.snapshot())) {
    VirtioNetHeader asked;
    std::memcpy(&asked, packet.snapshot(), sizeof(asked));
    const OffloadFault fault = ReadOffload(asked, burst.view.left, packet);
    if (fault != OffloadFault::kNone) {
      CountDrop(tally, DropFor(fault));
      return false;
    }
    longest = LongestFrame(packet);
  }
  if (ExceedsMtu(packet.header(), longest, burst.mtu)) {
    CountDrop(tally, ReceiveDrop::kTooLong);
    return false;
  }
  return true;
}

// Makes `packet` of a chain of any shape. False, and a drop, if the shape is not legal.
template <bool kPacked>
[[gnu::noinline]] bool RingReader::Gather(const Burst& burst, size_t chain, const Descriptor& first,
                                          Packet& packet) {
  ReceiveTally& tally = burst.tally;
  const uint16_t head = heads_[chain];
  ChainFault fault;
  if constexpr (kPacked) {
    const std::span descriptors(loaded_.get() + head, heads_[chain + 1] - head);
    fault = WalkPacked<Direction::kToSwitch>(burst.view, descriptors, chain_);
  } else {
    fault = WalkChain<Direction::kToSwitch>(burst.view, head, first, chain_);
  }
  if (fault != ChainFault::kNone) {
    CountDrop(tally, DropFor(fault));
    return false;
  }
  if (chain_.bytes < kMinChainBytes) {
    CountDrop(tally, ReceiveDrop::kRunt);
    return false;
  }

  // The header may be split anywhere: piece by piece until the snapshot is full.
  size_t copied = 0;
  size_t piece = 0;
  size_t offset = 0;  // in the first piece that is not wholly in the snapshot
  while (piece < chain_.count && copied < Packet::kSnapshot) {
    const Segment& from = chain_.pieces[piece];
    offset = std::min<size_t>(from.length, Packet::kSnapshot - copied);
    from.data.CopyOut(packet.snapshot() + copied, offset);
    copied += offset;
    if (offset < from.length) break;
    offset = 0;
    ++piece;
  }
  packet.Reset(burst.port, packet.snapshot() + kNetHeader,
               static_cast<uint32_t>(copied) - kNetHeader);

  if (piece == chain_.count) return true;
  const Segment& rest = chain_.pieces[piece];
  packet.SetPayload({rest.data + offset, rest.length - static_cast<uint32_t>(offset)});
  const size_t more = chain_.count - piece - 1;
  if (more != 0) {
    Segment* const to = segments_.get() + segments_taken_;
    std::copy_n(chain_.pieces.begin() + static_cast<ptrdiff_t>(piece + 1), more, to);
    packet.SetMorePayload(to, more);
    segments_taken_ += more;
  }
  return true;
}

bool RingReader::Finish(Queue& queue, const RingView& view) {
  Queue::Cursor& cursor = queue.cursor;
  if (!view.packed) {
    cursor.next_used = cursor.next_avail;
    return PublishSplit(queue, view);
  }
  const uint16_t first = cursor.next_used;
  for (const Queue::Taken& taken : std::span(queue.taken.data(), queue.taken_count)) {
    if (!view.in_order) PutPacked(cursor, view, cursor.next_used, taken.id, 0);
    cursor.next_used = static_cast<uint16_t>(cursor.next_used + taken.descriptors);
  }
  // §2.8.5.2: in order, the last buffer's id stands for all of them.
  if (view.in_order && queue.taken_count != 0) {
    PutPacked(cursor, view, first, queue.taken[queue.taken_count - 1].id, 0);
  }
  queue.taken_count = 0;
  return PublishPacked(queue, view);
}

}  // namespace weft::vhost
