// SPDX-License-Identifier: Apache-2.0
#include "plugins/memif/ring_reader.h"

#include <algorithm>

namespace weft::memif {
namespace {

void CountDrop(ReceiveTally& tally, ReceiveDrop reason) {
  ++tally.drops[static_cast<size_t>(reason)];
  ++tally.dropped;
}

void PrefetchHeader(const Segment& piece) {
  const auto length = std::min<uint32_t>(piece.length, Packet::kMaxHeader);
  piece.data.Prefetch();
  (piece.data + length / 2).Prefetch();
  (piece.data + (length - 1)).Prefetch();
}

// Copies the first bytes of the frame into the packet's snapshot, which they may be scattered over
// any pieces of. Returns the first piece that is not wholly there, and how much of it is.
struct Place {
  size_t piece;
  size_t offset;
  size_t copied;
};
Place CopyHeader(const Segment* pieces, size_t count, uint8_t* to) {
  Place place{};
  while (place.piece < count && place.copied < Packet::kMaxHeader) {
    const Segment& from = pieces[place.piece];
    const size_t length = std::min<size_t>(from.length, Packet::kMaxHeader - place.copied);
    if (length >= 8) {
      from.data.CopyOutShort(to + place.copied, length);
    } else {
      from.data.CopyOut(to + place.copied, length);
    }
    place.copied += length;
    place.offset = length;
    if (length < from.length) break;
    place.offset = 0;
    ++place.piece;
  }
  return place;
}

}  // namespace

RingReader::RingReader() : segments_(std::make_unique<Segment[]>(kMaxSegments)) {}
RingReader::~RingReader() = default;

// Loads the descriptors of the frame at `position`, of which `available` are there. Returns how
// many it has. Of a frame that is bad the rest is loaded all the same, to find its end.
size_t RingReader::Stage(const RingView& view, uint16_t position, size_t available,
                         Staged& staged) {
  staged = {
      .pieces = segments_.get() + segments_taken_, .count = 0, .bytes = 0, .fault = Fault::kNone};
  const auto blame = [&staged](Fault fault) {
    if (staged.fault == Fault::kNone) staged.fault = fault;
  };
  size_t descriptors = 0;
  while (descriptors < available) {
    const auto at = static_cast<uint16_t>(position + descriptors);
    const Descriptor descriptor = LoadDescriptor(view, at);
    ++descriptors;
    staged.bytes += descriptor.length;
    if (descriptors > kMaxChain) {
      blame(Fault::kChainTooLong);
    } else if (staged.bytes > kMaxFrame) {
      blame(Fault::kTooLong);
    } else if (descriptor.length != 0) {
      const ForeignPtr data = BufferOf(view, at, descriptor);
      if (data) [[likely]] {
        staged.pieces[staged.count++] = {data, descriptor.length};
      } else {
        blame(Fault::kUnmapped);
      }
    }
    if ((descriptor.flags & Descriptor::kNext) == 0) {
      segments_taken_ += staged.count;
      return descriptors;
    }
  }
  blame(Fault::kChainCut);
  segments_taken_ += staged.count;
  return descriptors;
}

// Makes `packet` of a frame; false, and a drop, if it is none.
bool RingReader::Take(const Staged& staged, PortId port, uint32_t mtu, Packet& packet,
                      ReceiveTally& tally) {
  switch (staged.fault) {
    case Fault::kNone:
      break;
    case Fault::kTooLong:
      CountDrop(tally, ReceiveDrop::kTooLong);
      return false;
    case Fault::kChainTooLong:
      CountDrop(tally, ReceiveDrop::kChainTooLong);
      return false;
    case Fault::kChainCut:
      CountDrop(tally, ReceiveDrop::kChainCut);
      return false;
    case Fault::kUnmapped:
      CountDrop(tally, ReceiveDrop::kUnmapped);
      return false;
  }
  if (staged.bytes < kMinFrame) [[unlikely]] {
    CountDrop(tally, ReceiveDrop::kRunt);
    return false;
  }
  uint8_t* const header = packet.snapshot() + Packet::kVirtioNetHeader;
  const Place place = CopyHeader(staged.pieces, staged.count, header);
  if (ExceedsMtu(header, static_cast<uint32_t>(staged.bytes), mtu)) [[unlikely]] {
    CountDrop(tally, ReceiveDrop::kTooLong);
    return false;
  }
  packet.Reset(port, header, static_cast<uint32_t>(place.copied));
  if (place.piece == staged.count) return true;
  const Segment& rest = staged.pieces[place.piece];
  packet.SetPayload({rest.data + place.offset, rest.length - static_cast<uint32_t>(place.offset)});
  const size_t more = staged.count - place.piece - 1;
  if (more != 0) packet.SetMorePayload(staged.pieces + place.piece + 1, more);
  return true;
}

size_t RingReader::Receive(Queue& queue, const RingView& view, uint32_t mtu, PacketPool& pool,
                           Packet** out, size_t max, ReceiveTally& tally) {
  size_t available = Available(queue, view);
  if (available == 0) return 0;
  tally.begin = Cycles();
  const size_t wanted =
      std::min({max, kMaxBurst, pool.available(), (kMaxSegments - segments_taken_) / kMaxChain});
  uint16_t position = queue.cursor.position;
  size_t good = 0;
  uint64_t bytes = 0;
  uint64_t snapshot_bytes = 0;
  for (size_t frames = 0; frames < wanted && available != 0;) {
    size_t step = 0;
    for (; step < std::min(kStep, wanted - frames) && available != 0; ++step) {
      const size_t descriptors = Stage(view, position, available, staged_[step]);
      if (staged_[step].count != 0) [[likely]] {
        PrefetchHeader(staged_[step].pieces[0]);
      }
      available -= descriptors;
      position = static_cast<uint16_t>(position + descriptors);
    }
    for (size_t i = 0; i < step; ++i) {
      const size_t mark = pool.taken();
      Packet& packet = *pool.Take();
      if (!Take(staged_[i], queue.port(), mtu, packet, tally)) [[unlikely]] {
        pool.RewindTo(mark);
        continue;
      }
      bytes += packet.length();
      snapshot_bytes += packet.header_length();
      out[good++] = &packet;
    }
    frames += step;
  }
  queue.cursor.position = position;
  tally.packets += good;
  tally.bytes += bytes;
  tally.snapshot_bytes += snapshot_bytes;
  if (view.regions->faulted()) [[unlikely]] {
    queue.Fail(RingError::kMemoryFaulted);
  }
  return good;
}

void RingReader::Finish(Queue& queue, const RingView& view) {
  // A server gives back by moving its index. A client's buffers are offered again, whatever the
  // server has written into their descriptors.
  if (view.buffer_size != 0) {
    for (uint16_t at = queue.cursor.shown; at != queue.cursor.position; ++at) {
      StoreDescriptor(view, at, EmptyBuffer(view, at));
    }
  }
  Show(queue, view, std::memory_order_release);
}

}  // namespace weft::memif
