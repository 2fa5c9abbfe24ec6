// SPDX-License-Identifier: Apache-2.0
#include "core/packet/packet.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

namespace weft {
namespace {

TEST(Packet, IsOneCacheLineAndItsRoom) {
  PacketSlot slot;
  EXPECT_EQ(slot.packet.headroom(), slot.room);
  EXPECT_EQ(slot.packet.snapshot(), slot.room + Packet::kHeadroom);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(slot.packet.snapshot()) % 64, 0U);
}

TEST(Packet, ResetForgetsWhatItWas) {
  PacketSlot slot;
  Packet& packet = slot.packet;
  std::array<Segment, 2> more{{{ForeignPtr(), 7}, {ForeignPtr(), 8}}};
  packet.Reset(PortId(3), packet.snapshot() + 12, 60);
  packet.SetPayload({ForeignPtr(), 100});
  packet.SetMorePayload(more.data(), more.size());
  packet.set_out_port(PortId(4));
  packet.set_out_group(GroupId(5));
  packet.set_trace(6);
  packet.set_offload({.needs = kOffloadChecksum, .transport = 34});
  EXPECT_EQ(packet.length(), 60U + 100 + 7 + 8);

  packet.Reset(PortId(7), packet.snapshot() + 12, 14);
  EXPECT_EQ(packet.in_port(), PortId(7));
  EXPECT_FALSE(packet.out_port().valid());
  EXPECT_FALSE(packet.out_group().valid());
  EXPECT_FALSE(packet.traced());
  EXPECT_EQ(packet.segment_count(), 0U);
  EXPECT_EQ(packet.length(), 14U);
  EXPECT_EQ(packet.header_length(), 14U);
  EXPECT_EQ(packet.payload_length(), 0U);
  EXPECT_FALSE(packet.offload().any());
  EXPECT_EQ(packet.virtio_net_header(), packet.snapshot());
}

TEST(Packet, PayloadComesInPieces) {
  PacketSlot slot;
  Packet& packet = slot.packet;
  uint8_t bytes[3] = {1, 2, 3};
  const std::array<Segment, 2> more{{{ForeignPtr(bytes + 1), 20}, {ForeignPtr(bytes + 2), 30}}};
  packet.Reset(PortId(0), packet.snapshot() + 12, 116);
  packet.SetPayload({ForeignPtr(bytes), 10});
  packet.SetMorePayload(more.data(), more.size());
  ASSERT_EQ(packet.segment_count(), 3U);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(packet.segment(i).data.unsafe_host(), bytes + i);
    EXPECT_EQ(packet.segment(i).length, 10 * (i + 1));
  }
  EXPECT_EQ(packet.payload_length(), 60U);
  EXPECT_EQ(packet.length(), 176U);
}

TEST(Packet, OneComparisonKnowsLengthAndOffload) {
  PacketSlot slot;
  Packet& packet = slot.packet;
  packet.Reset(PortId(0), packet.snapshot() + 12, 60);
  packet.SetPayload({ForeignPtr(), 40});
  EXPECT_TRUE(packet.IsPlainWithin(100));
  EXPECT_FALSE(packet.IsPlainWithin(99));
  const Offload offload{.needs = kOffloadTso4, .transport = 34, .segment_size = 1};
  packet.set_offload(offload);
  EXPECT_EQ(packet.offload(), offload);
  EXPECT_EQ(packet.length(), 100U);
  EXPECT_EQ(packet.payload_length(), 40U);
  EXPECT_FALSE(packet.IsPlainWithin(100));
  EXPECT_FALSE(packet.IsPlainWithin(0xffff'ffff));
  packet.set_offload({});
  EXPECT_TRUE(packet.IsPlainWithin(100));
}

TEST(Packet, AClonesBytesAreItsOriginals) {
  PacketSlot original;
  PacketSlot clone;
  uint8_t bytes[2] = {};
  const Segment more{ForeignPtr(bytes + 1), 2};
  original.packet.Reset(PortId(1), original.packet.snapshot() + 12, 60);
  original.packet.SetPayload({ForeignPtr(bytes), 1});
  original.packet.SetMorePayload(&more, 1);
  original.packet.set_out_port(PortId(2));
  original.packet.set_out_group(GroupId(3));
  original.packet.set_trace(4);
  original.packet.set_offload({.needs = kOffloadChecksum, .transport = 34});
  clone.packet.CloneFrom(original.packet);
  EXPECT_EQ(clone.packet.header(), original.packet.header()) << "shared, not copied";
  EXPECT_EQ(clone.packet.length(), 63U);
  ASSERT_EQ(clone.packet.segment_count(), 2U);
  EXPECT_EQ(clone.packet.segment(1).data.unsafe_host(), bytes + 1);
  EXPECT_EQ(clone.packet.in_port(), PortId(1));
  EXPECT_FALSE(clone.packet.out_port().valid()) << "its way is its own";
  EXPECT_FALSE(clone.packet.out_group().valid());
  EXPECT_EQ(clone.packet.offload(), original.packet.offload());
  EXPECT_EQ(clone.packet.trace(), 4U) << "a trace follows all copies";
}

TEST(EthernetHeader, ReadsTheWire) {
  const uint8_t wire[15] = {0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd};
  EthernetHeader header;
  std::memcpy(static_cast<void*>(&header), wire + 1, sizeof(header));
  EXPECT_EQ(header.destination.ToString(), "02:00:00:00:00:01");
  EXPECT_EQ(header.source.ToString(), "02:00:00:00:00:02");
  EXPECT_EQ(header.type, 0x86dd);
  header.type = 0x0800;
  EXPECT_EQ(std::memcmp(&header.type, "\x08\x00", 2), 0);
}

}  // namespace
}  // namespace weft
