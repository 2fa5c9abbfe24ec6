// SPDX-License-Identifier: Apache-2.0
// What software makes of what is asked for: a property over many frames against a reading that
// shares nothing with it.
#include "core/packet/software_offload.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "core/packet/offload_request.h"
#include "tests/core/packet/sent_packet.h"
#include "tests/support/offload_frames.h"

namespace weft {
namespace {

using testing::AllOf;
using testing::Bytes;
using testing::BytesOf;
using testing::Sent;
using testing::TransportFrame;

TEST(SoftwareOffload, GoesWhereItsPacketGoesAndIsTracedOnce) {
  const TransportFrame frame{.payload = 3000};
  Sent sent(frame.Build());
  ASSERT_EQ(ReadOffload(frame.Ask(1000), kEveryOffload, sent.packet()), OffloadFault::kNone);
  sent.packet().set_out_port(PortId(7));
  sent.packet().set_trace(9);
  SoftwareOffload software;
  const auto made = software.Apply(sent.packet());
  ASSERT_EQ(made.size(), 3U);
  for (const Packet* packet : made) {
    EXPECT_EQ(packet->in_port(), PortId(1));
    EXPECT_EQ(packet->out_port(), PortId(7));
    EXPECT_FALSE(packet->offload().any());
    EXPECT_EQ(packet->trace(), packet == made[0] ? 9 : 0);
  }
  EXPECT_TRUE(sent.packet().offload().is_tso()) << "its own packet is as it was: clones share it";
  EXPECT_EQ(sent.packet().header()[14 + 2] << 8 | sent.packet().header()[14 + 3], 3040);
}

// A UDP checksum that comes to zero is sent as its other form: zero says that there is none.
TEST(SoftwareOffload, UdpWithoutAChecksumDoesNotComeOfIt) {
  SoftwareOffload software;
  const TransportFrame frame{.udp = true, .payload = 2};
  size_t zeroes = 0;
  for (uint32_t value = 0; value < 0x10000; ++value) {
    Bytes bytes = frame.Build();
    bytes[frame.header()] = static_cast<uint8_t>(value >> 8);
    bytes[frame.header() + 1] = static_cast<uint8_t>(value);
    Sent sent(bytes);
    ASSERT_EQ(ReadOffload(frame.Ask(), kEveryOffload, sent.packet()), OffloadFault::kNone);
    const Bytes made = BytesOf(*software.Apply(sent.packet())[0]);
    ASSERT_EQ(testing::WhatIsWrong(made), "") << value;
    zeroes += made[frame.transport() + 6] == 0xff && made[frame.transport() + 7] == 0xff ? 1 : 0;
  }
  EXPECT_EQ(zeroes, 1U);
}

// A feature that writes other headers leaves nothing to be done, and no packet is lost of it.
TEST(SoftwareOffload, WhatIsNoLongerTcpGoesOnAsItIs) {
  const TransportFrame frame{.payload = 3000};
  Sent sent(frame.Build());
  ASSERT_EQ(ReadOffload(frame.Ask(1000), kEveryOffload, sent.packet()), OffloadFault::kNone);
  sent.packet().own_header()[13] = 6;
  SoftwareOffload software;
  const auto made = software.Apply(sent.packet());
  ASSERT_EQ(made.size(), 1U);
  EXPECT_FALSE(made[0]->offload().any());
  EXPECT_EQ(BytesOf(*made[0]), BytesOf(sent.packet()));
}

TEST(SoftwareOffload, RunsAreInOrder) {
  const TransportFrame frame{.payload = 2500};
  Sent plain(frame.Build());
  Sent cut(frame.Build());
  Sent checked(frame.Build());
  ASSERT_EQ(ReadOffload(frame.Ask(1000), kEveryOffload, cut.packet()), OffloadFault::kNone);
  ASSERT_EQ(ReadOffload(frame.Ask(), kEveryOffload, checked.packet()), OffloadFault::kNone);
  const std::vector<Packet*> packets = {&plain.packet(), &checked.packet(), &cut.packet(),
                                        &cut.packet(),   &plain.packet(),   &plain.packet()};
  SoftwareOffload software;
  std::vector<size_t> runs;
  const auto runs_for = [&](OffloadSet taken) {
    runs.clear();
    software.ForEachRun(packets.data(), packets.size(), taken,
                        [&](Packet* const* /*run*/, size_t size) { runs.push_back(size); });
    return runs;
  };
  EXPECT_EQ(runs_for(kEveryOffload), (std::vector<size_t>{6}));
  EXPECT_EQ(runs_for(kOffloadChecksum), (std::vector<size_t>{2, 3, 3, 2}));
  EXPECT_EQ(runs_for(0), (std::vector<size_t>{1, 1, 3, 3, 2}));
}

// Frames of every shape, cut or completed, are what the slow reading makes of them; and each by
// itself is right: lengths, checksums, and together the payload that was sent.
TEST(SoftwareOffload, MakesWhatTheReferenceMakes) {
  std::mt19937 random(1);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same each time
  const auto below = [&](uint32_t limit) { return static_cast<uint32_t>(random() % limit); };
  SoftwareOffload software;
  size_t segments = 0;
  for (int round = 0; round < 2000; ++round) {
    TransportFrame frame{.ipv6 = below(2) == 0,
                         .udp = below(4) == 0,
                         .tagged = below(2) == 0,
                         .payload = below(below(4) == 0 ? 60000 : 4000),
                         .sequence = static_cast<uint32_t>(random()),
                         .identification = static_cast<uint16_t>(random()),
                         .tcp_flags = static_cast<uint8_t>(random()),
                         .seed = below(1000)};
    frame.tcp_options = 4 * below(frame.ipv6 ? 5 : 11);
    if (!frame.ipv6 && frame.tcp_options < 20) frame.ip_options = 4 * below(11);
    const bool tso = !frame.udp && frame.payload != 0 && below(3) != 0;
    const auto size = static_cast<uint16_t>(
        tso ? std::max(frame.payload / kMaxSegments + 1, 1 + below(1500)) : 0);
    Sent sent(frame.Build(), 1 + below(5));
    ASSERT_EQ(ReadOffload(frame.Ask(size), kEveryOffload, sent.packet()), OffloadFault::kNone)
        << round;
    const std::vector<Bytes> made = AllOf(software.Apply(sent.packet()));
    if (tso && frame.payload > size) {
      ASSERT_EQ(made, testing::ReferenceSegments(sent.frame(), size)) << round;
    } else {
      ASSERT_EQ(made, (std::vector<Bytes>{testing::Completed(sent.frame())})) << round;
    }
    Bytes payload;
    for (const Bytes& segment : made) {
      ASSERT_EQ(testing::WhatIsWrong(segment), "") << round;
      ASSERT_LE(segment.size(), LongestFrame(sent.packet())) << round;
      payload.insert(payload.end(), segment.begin() + frame.header(), segment.end());
    }
    ASSERT_TRUE(std::equal(payload.begin(), payload.end(), sent.frame().begin() + frame.header(),
                           sent.frame().end()))
        << round;
    segments += made.size();
  }
  EXPECT_GT(segments, 8000U);
}

}  // namespace
}  // namespace weft
