// SPDX-License-Identifier: Apache-2.0
#include "plugins/memif/ring_writer.h"

#include <algorithm>

namespace weft::memif {
namespace {

// How many packets before it is copied a payload, and a buffer's descriptor, is fetched.
constexpr size_t kAhead = 4;

constexpr TransmitResult Result(TransmitDrop drop) { return static_cast<TransmitResult>(drop); }

}  // namespace

void RingWriter::Transmit(Queue& queue, const RingView& view, uint32_t mtu, Packet* const* packets,
                          size_t count, TransmitTally& tally, TransmitResult* results) {
  const SpinGuard lock(queue.writer);
  size_t available = queue.error() == RingError::kNone ? Available(queue, view) : 0;
  const bool broken = queue.error() != RingError::kNone;
  for (size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) PrefetchPayload(*packets[i + kAhead]);
    DescriptorAt(view, static_cast<uint16_t>(queue.cursor.position + kAhead)).Prefetch();
    const Packet& packet = *packets[i];
    const uint16_t before = queue.cursor.position;
    TransmitResult result = Result(TransmitDrop::kPortDown);
    if (!broken) [[likely]] {
      result = ExceedsMtu(packet.header(), packet.length(), mtu)
                   ? Result(TransmitDrop::kTooLong)
                   : Write(queue, view, available, packet, tally);
    }
    available -= static_cast<uint16_t>(queue.cursor.position - before);
    if (result != kSent) {
      ++tally.drops[result];
      ++tally.dropped;
    }
    results[i] = result;
  }
  if (view.regions->faulted()) [[unlikely]] {
    queue.Fail(RingError::kMemoryFaulted);
  }
}

// One packet; most fit the next buffer.
TransmitResult RingWriter::Write(Queue& queue, const RingView& view, size_t available,
                                 const Packet& packet, TransmitTally& tally) {
  if (available == 0) return Result(TransmitDrop::kRingFull);
  const uint16_t at = queue.cursor.position;
  // A client's buffers are its own: what stands in the descriptor means nothing.
  Descriptor descriptor = view.buffer_size != 0 ? EmptyBuffer(view, at) : LoadDescriptor(view, at);
  const ForeignPtr to = BufferOf(view, at, descriptor);
  if (!to || descriptor.length < packet.length()) [[unlikely]] {
    return WriteSpread(queue, view, available, packet, descriptor, tally);
  }
  if (packet.header_length() <= kMaxShortCopy) [[likely]] {
    to.CopyInShort(packet.header(), packet.header_length());
  } else {
    to.CopyIn(packet.header(), packet.header_length());
  }
  uint64_t copied = packet.header_length();
  for (size_t i = 0; i < packet.segment_count(); ++i) {
    const Segment& from = packet.segment(i);
    if (wide_copy_) {
      (to + copied).CopyFromWide(from.data, from.length);
    } else {
      (to + copied).CopyFrom(from.data, from.length);
    }
    copied += from.length;
  }
  descriptor.flags = 0;
  descriptor.length = packet.length();
  StoreDescriptor(view, at, descriptor);
  queue.cursor.position = static_cast<uint16_t>(at + 1);
  ++tally.packets;
  tally.bytes += packet.length();
  tally.copied_bytes += copied;
  return kSent;
}

// A frame for several buffers, or none: looks at them until they hold it, then writes. What was
// looked at is given up by not moving the cursor.
[[gnu::noinline]] TransmitResult RingWriter::WriteSpread(Queue& queue, const RingView& view,
                                                         size_t available, const Packet& packet,
                                                         const Descriptor& first,
                                                         TransmitTally& tally) {
  const uint16_t begin = queue.cursor.position;
  const uint32_t total = packet.length();
  uint32_t held = 0;
  size_t count = 0;
  while (held < total) {
    if (count == kMaxChain) return Result(TransmitDrop::kBufferTooSmall);
    if (count == available) return Result(TransmitDrop::kRingFull);
    const auto at = static_cast<uint16_t>(begin + count);
    Descriptor& descriptor = descriptors_[count];
    if (count == 0) {
      descriptor = first;
    } else {
      descriptor = view.buffer_size != 0 ? EmptyBuffer(view, at) : LoadDescriptor(view, at);
    }
    const ForeignPtr to = BufferOf(view, at, descriptor);
    if (!to) {
      // What stands before it goes back, too: descriptors are in order.
      for (size_t i = 0; i <= count; ++i) {
        descriptors_[i].flags = 0;
        descriptors_[i].length = 0;
        StoreDescriptor(view, static_cast<uint16_t>(begin + i), descriptors_[i]);
      }
      queue.cursor.position = static_cast<uint16_t>(at + 1);
      return Result(TransmitDrop::kBadBuffer);
    }
    descriptor.length = std::min(descriptor.length, total - held);
    descriptor.flags = Descriptor::kNext;
    pieces_[count] = {to, descriptor.length};
    held += descriptor.length;
    ++count;
  }
  descriptors_[count - 1].flags = 0;

  uint64_t copied = 0;
  Spreader spreader(pieces_.data());
  spreader.Spread(packet.header_length(), [&](ForeignPtr to, size_t at, size_t part) {
    to.CopyIn(packet.header() + at, part);
    copied += part;
  });
  for (size_t i = 0; i < packet.segment_count(); ++i) {
    const Segment& from = packet.segment(i);
    spreader.Spread(from.length, [&](ForeignPtr to, size_t at, size_t part) {
      to.CopyFrom(from.data + at, part);
      copied += part;
    });
  }
  for (size_t i = 0; i < count; ++i) {
    StoreDescriptor(view, static_cast<uint16_t>(begin + i), descriptors_[i]);
  }
  queue.cursor.position = static_cast<uint16_t>(begin + count);
  ++tally.packets;
  tally.bytes += total;
  tally.copied_bytes += copied;
  return kSent;
}

bool RingWriter::Publish(Queue& queue, const RingView& view) {
  const SpinGuard lock(queue.writer);
  if (queue.cursor.shown == queue.cursor.position) return false;
  Show(queue, view, view.call.valid() ? std::memory_order_seq_cst : std::memory_order_release);
  return WantsInterrupt(view);
}

}  // namespace weft::memif
