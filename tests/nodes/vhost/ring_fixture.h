// SPDX-License-Identifier: Apache-2.0
// What the ring tests share: frames with a pattern, and a reader or writer with its worker's pool.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <type_traits>
#include <vector>

#include "core/packet/packet_pool.h"
#include "nodes/vhost/receive_ring.h"
#include "nodes/vhost/split_ring.h"
#include "tests/nodes/vhost/guest_driver.h"
#include "tests/nodes/vhost/packed_driver.h"

namespace weft::vhost::testing {

inline constexpr uint32_t kMtu = kMaxFrame - kMinFrame;

// Tests that are for rings of all layouts.
using Layouts = ::testing::Types<GuestRing, PackedGuestRing, InOrderGuestRing>;
struct LayoutNames {
  template <typename Ring>
  static std::string GetName(int /*index*/) {
    if (std::is_same_v<Ring, GuestRing>) return "Split";
    return std::is_same_v<Ring, PackedGuestRing> ? "Packed" : "PackedInOrder";
  }
};

inline Bytes PatternFrame(size_t size, uint32_t seed = 1) {
  Bytes frame(size);
  for (size_t i = 0; i < size; ++i) {
    frame[i] = static_cast<uint8_t>(i * 31 + i / 251 + seed * 17);
  }
  frame[12] = 0x08;
  return frame;
}

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
  std::array<Packet*, kMaxBurst> out;

  std::vector<Bytes> Receive(GuestQueue& ring, uint32_t mtu = kMtu, size_t max = kMaxBurst) {
    const size_t got = reader.Receive(ring.queue(), ring.view(), mtu, pool, out.data(), max, tally);
    std::vector<Bytes> frames;
    for (size_t i = 0; i < got; ++i) frames.push_back(FrameOf(*out[i]));
    return frames;
  }
  bool Finish(GuestQueue& ring) {
    reader.EndDispatch();
    pool.EndDispatch();
    return RingReader::Finish(ring.queue(), ring.view());
  }
  uint32_t dropped(ReceiveDrop reason) const { return tally.drops[static_cast<size_t>(reason)]; }
};

// What a container should read: 12 bytes of header, then the frame.
inline Bytes WithHeader(const Bytes& frame, uint16_t num_buffers = 1) {
  Bytes all(kNetHeader + frame.size());
  const VirtioNetHeader header{.num_buffers = num_buffers};
  std::memcpy(all.data(), &header, sizeof(header));
  std::memcpy(all.data() + kNetHeader, frame.data(), frame.size());
  return all;
}

// The way of a worker without its graph: frames read off one ring, written to another.
struct Writer {
  RingWriter writer;
  TransmitTally tally;
  std::vector<TransmitResult> results;

  void Transmit(GuestQueue& ring, Reader& from, size_t count, uint32_t mtu = kMtu) {
    results.resize(count);
    EXPECT_EQ(writer.Transmit(ring.queue(), ring.view(), mtu, from.out.data(), count, tally,
                              results.data()),
              count);
  }
  uint32_t dropped(TransmitDrop reason) const { return tally.drops[static_cast<size_t>(reason)]; }
};

}  // namespace weft::vhost::testing
