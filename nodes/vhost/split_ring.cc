// SPDX-License-Identifier: Apache-2.0
#include "nodes/vhost/split_ring.h"

#include <algorithm>

#include "nodes/vhost/virtio_net.h"

namespace weft::vhost {
namespace {

// How many chains are looked at before they are copied: enough to hide the way of a cache line from
// the core that wrote it.
constexpr size_t kLookAhead = 16;

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

// The snapshot is complete: false, and a drop, if it is not the start of a frame that may go on.
bool IsGood(const uint8_t* snapshot, uint32_t frame_length, uint32_t mtu, ReceiveTally& tally) {
  if (AsksForOffload(snapshot)) [[unlikely]] {
    CountDrop(tally, ReceiveDrop::kBadOffload);
    return false;
  }
  if (ExceedsMtu(snapshot + kNetHeader, frame_length, mtu)) [[unlikely]] {
    CountDrop(tally, ReceiveDrop::kTooLong);
    return false;
  }
  return true;
}

}  // namespace

RingReader::RingReader() : segments_(std::make_unique<Segment[]>(kMaxSegments)) {}
RingReader::~RingReader() = default;

// Heads of the next `count` chains, all of them in the table; fewer if one is not.
size_t RingReader::LoadHeads(Queue& queue, const RingView& view, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const uint16_t head = LoadHead(view, static_cast<uint16_t>(queue.cursor.next_avail + i));
    if (head >= view.size) [[unlikely]] {
      queue.Fail(RingError::kHeadOutOfRange);
      return i;
    }
    heads_[i] = head;
    PrefetchDescriptor(view, head);
  }
  return count;
}

// Loads the first descriptor of chain `i`, and prefetches its data if that is all of it.
inline void RingReader::Stage(const RingView& view, size_t i) {
  Staged& staged = staged_[i % kWindow];
  const Descriptor descriptor = LoadDescriptor(view, heads_[i]);
  staged.data = ForeignPtr();
  if (descriptor.flags == 0 && descriptor.length >= kMinChainBytes &&
      descriptor.length <= kMaxChainBytes) [[likely]] {
    staged.data = view.memory->Translate(descriptor.address, descriptor.length);
  }
  if (staged.data) [[likely]] {
    staged.length = descriptor.length;
    const size_t header = std::min<size_t>(descriptor.length, Packet::kSnapshot);
    staged.data.Prefetch();
    (staged.data + header / 2).Prefetch();
    (staged.data + (header - 1)).Prefetch();
  } else {
    staged.descriptor = descriptor;
  }
}

size_t RingReader::Receive(Queue& queue, const RingView& view, uint32_t mtu, PacketPool& pool,
                           Packet** out, size_t max, ReceiveTally& tally) {
  static_assert(kLookAhead < kWindow);
  const size_t wanted = std::min(
      {max, kMaxBurst, pool.available(), (kMaxSegments - segments_taken_) / kMaxMoreSegments});
  const size_t count = LoadHeads(queue, view, Available(queue, view, wanted));
  if (count == 0) return 0;

  const size_t mark = pool.taken();
  for (size_t i = 0; i < count; ++i) out[i] = pool.Take();
  const PortId port = queue.port();
  for (size_t i = 0; i < std::min(count, kLookAhead); ++i) Stage(view, i);
  size_t good = 0;
  uint64_t bytes = 0;
  uint64_t snapshot_bytes = 0;
  for (size_t i = 0; i < count; ++i) {
    if (i + kLookAhead < count) Stage(view, i + kLookAhead);
    const Staged& staged = staged_[i % kWindow];
    const size_t segments_mark = segments_taken_;
    Packet& packet = *out[good];
    if (staged.data) [[likely]] {
      const uint32_t length = staged.length;
      const uint32_t copied = std::min<uint32_t>(length, Packet::kSnapshot);
      staged.data.CopyOutShort(packet.snapshot(), copied);
      packet.Reset(port, packet.snapshot() + kNetHeader, copied - kNetHeader);
      if (length > Packet::kSnapshot) {
        packet.SetPayload(
            {staged.data + Packet::kSnapshot, length - static_cast<uint32_t>(Packet::kSnapshot)});
      }
    } else if (!Gather(view, heads_[i], staged.descriptor, port, packet, tally)) {
      continue;
    }
    if (!IsGood(packet.snapshot(), packet.length(), mtu, tally)) [[unlikely]] {
      segments_taken_ = segments_mark;
      continue;
    }
    bytes += packet.length();
    snapshot_bytes += packet.header_length();
    ++good;
  }
  pool.RewindTo(mark + good);

  // The container does not look at used elements before the index covers them: see Finish.
  uint16_t position = queue.cursor.next_avail;
  for (size_t i = 0; i < count; ++i) PutUsed(view, position++, heads_[i], 0);
  queue.cursor.next_avail = position;

  tally.packets += good;
  tally.bytes += bytes;
  tally.snapshot_bytes += snapshot_bytes;
  if (view.memory->faulted()) [[unlikely]] {
    queue.Fail(RingError::kMemoryFaulted);
  }
  return good;
}

// Makes `packet` of a chain of any shape. False, and a drop, if the shape is not legal.
[[gnu::noinline]] bool RingReader::Gather(const RingView& view, uint16_t head,
                                          const Descriptor& first, PortId port, Packet& packet,
                                          ReceiveTally& tally) {
  const ChainFault fault = WalkChain<Direction::kToSwitch>(view, head, first, chain_);
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
  packet.Reset(port, packet.snapshot() + kNetHeader, static_cast<uint32_t>(copied) - kNetHeader);

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
  queue.cursor.next_used = queue.cursor.next_avail;
  return PublishUsed(queue, view);
}

}  // namespace weft::vhost
