// SPDX-License-Identifier: Apache-2.0
// What the ring tests share: a ring as a worker has it, over a peer's memory, in either role, and a
// reader or writer with its worker's pool.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <vector>

#include "core/packet/packet_pool.h"
#include "plugins/memif/ring_reader.h"
#include "plugins/memif/ring_writer.h"
#include "tests/plugins/memif/peer.h"

namespace weft::memif::testing {

inline constexpr uint32_t kMtu = kMaxFrame - kMinFrame;

// A queue that runs, in memory that a peer shares.
struct RunningRing {
  // As a server, at a ring of the client's.
  RunningRing(const SharedMemory& memory, const PeerRing& ring, Direction direction)
      : queue(PortId(direction == Direction::kToSwitch ? 0 : 1), direction),
        regions(std::make_shared<Regions>()) {
    EXPECT_TRUE(regions->Add(memory.size(), memory.fd(), memory.size()).ok());
    const ForeignPtr at = regions->Translate(0, ring.offset(), RingBytes(ring.size()));
    auto made = std::make_unique<RingView>();
    made->size = ring.size();
    made->flags = at + kRingFlags;
    made->own_index = at + kRingTail;
    made->peer_index = at + kRingHead;
    made->descriptors = at + kRingDescriptors;
    made->regions = regions;
    view = std::move(made);
  }
  // As a client, with the buffers behind `buffers_offset`.
  RunningRing(const SharedMemory& memory, const PeerRing& ring, Direction direction,
              uint32_t buffers_offset, uint32_t buffer_size)
      : RunningRing(memory, ring, direction) {
    std::swap(view->own_index, view->peer_index);
    (direction == Direction::kToPeer ? view->ahead : view->behind) = view->size;
    view->buffer_size = buffer_size;
    view->buffers_offset = buffers_offset;
    view->buffers = regions->Translate(0, buffers_offset, size_t{buffer_size} * view->size);
    for (uint16_t i = 0; i < view->size; ++i) StoreDescriptor(*view, i, EmptyBuffer(*view, i));
    Show(queue, *view, std::memory_order_release);
  }

  Queue queue;
  std::shared_ptr<Regions> regions;
  std::unique_ptr<RingView> view;
};

// The frame of a packet: private header, then payload.
inline Bytes FrameOf(const Packet& packet) {
  Bytes frame(packet.header(), packet.header() + packet.header_length());
  for (size_t i = 0; i < packet.segment_count(); ++i) {
    const Segment& segment = packet.segment(i);
    Bytes part(segment.length);
    segment.data.CopyOut(part.data(), part.size());
    frame.insert(frame.end(), part.begin(), part.end());
  }
  EXPECT_EQ(frame.size(), packet.length());
  return frame;
}

struct Reader {
  HeapPacketMemory heap;
  PacketPool pool{heap, 512};
  RingReader reader;
  ReceiveTally tally;
  std::array<Packet*, kMaxBurst> out{};

  std::vector<Bytes> Receive(RunningRing& ring, uint32_t mtu = kMtu, size_t max = kMaxBurst) {
    const size_t got = reader.Receive(ring.queue, *ring.view, mtu, pool, out.data(), max, tally);
    std::vector<Bytes> frames;
    for (size_t i = 0; i < got; ++i) frames.push_back(FrameOf(*out[i]));
    return frames;
  }
  void Finish(RunningRing& ring) {
    RingReader::Finish(ring.queue, *ring.view);
    reader.EndDispatch();
    pool.EndDispatch();
  }
  uint32_t dropped(ReceiveDrop reason) const { return tally.drops[static_cast<size_t>(reason)]; }
};

// Packets of a test's own, whose bytes beyond `header_length` are borrowed.
struct Packets {
  explicit Packets(std::vector<Bytes> frames_in, size_t header_length = Packet::kMaxHeader)
      : frames(std::move(frames_in)) {
    for (Bytes& frame : frames) {
      Packet& packet = *pool.Take();
      uint8_t* const header = packet.snapshot() + Packet::kVirtioNetHeader;
      const size_t length = std::min(header_length, frame.size());
      std::memcpy(header, frame.data(), length);
      packet.Reset(PortId(0), header, static_cast<uint32_t>(length));
      if (frame.size() > length) {
        packet.SetPayload(
            {ForeignPtr(frame.data() + length), static_cast<uint32_t>(frame.size() - length)});
      }
      packets.push_back(&packet);
    }
  }
  HeapPacketMemory heap;
  PacketPool pool{heap, 512};
  std::vector<Bytes> frames;
  std::vector<Packet*> packets;
};

struct Writer {
  RingWriter writer;
  TransmitTally tally;
  std::vector<TransmitResult> results;

  void Transmit(RunningRing& ring, const std::vector<Packet*>& packets, uint32_t mtu = kMtu) {
    results.resize(packets.size());
    writer.Transmit(ring.queue, *ring.view, mtu, packets.data(), packets.size(), tally,
                    results.data());
  }
  bool Publish(RunningRing& ring) { return RingWriter::Publish(ring.queue, *ring.view); }
  uint32_t dropped(TransmitDrop reason) const { return tally.drops[static_cast<size_t>(reason)]; }
};

}  // namespace weft::memif::testing
