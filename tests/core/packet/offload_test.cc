// SPDX-License-Identifier: Apache-2.0
// What is asked for, and what is taken of it: rows for each way to ask wrongly.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "core/packet/offload_request.h"
#include "core/packet/software_offload.h"
#include "tests/core/packet/sent_packet.h"
#include "tests/support/offload_frames.h"

namespace weft {
namespace {

using testing::AllOf;
using testing::Bytes;
using testing::BytesOf;
using testing::Sent;
using testing::TransportFrame;

TEST(Offload, TakesAChecksumAndSaysItAgain) {
  for (const bool ipv6 : {false, true}) {
    for (const bool udp : {false, true}) {
      for (const bool tagged : {false, true}) {
        const TransportFrame frame{.ipv6 = ipv6, .udp = udp, .tagged = tagged};
        Sent sent(frame.Build());
        ASSERT_EQ(ReadOffload(frame.Ask(), kOffloadChecksum, sent.packet()), OffloadFault::kNone);
        const Offload offload = sent.packet().offload();
        EXPECT_EQ(offload.needs, kOffloadChecksum);
        EXPECT_EQ(offload.checksum_start(), frame.transport());
        EXPECT_EQ(offload.checksum_offset(), udp ? 6U : 16U);
        EXPECT_EQ(LongestFrame(sent.packet()), sent.frame().size());
        VirtioNetHeader said{.hdr_len = 9, .gso_size = 9, .num_buffers = 3};
        WriteOffload(sent.packet(), said);
        const VirtioNetHeader asked = frame.Ask();
        EXPECT_EQ(said.flags, kNeedsChecksum);
        EXPECT_EQ(said.gso_type, kGsoNone);
        EXPECT_EQ(said.gso_size, 0);
        EXPECT_EQ(said.hdr_len, 0);
        EXPECT_EQ(said.csum_start, asked.csum_start);
        EXPECT_EQ(said.csum_offset, asked.csum_offset);
        EXPECT_EQ(said.num_buffers, 3);
      }
    }
  }
}

// virtio 1.2 §5.1.6.2.1: the field holds the sum of the pseudo-header. A tenant may write anything;
// who fills it in by summing what is there gets the right checksum all the same.
TEST(Offload, WritesThePseudoHeadersSum) {
  for (const bool ipv6 : {false, true}) {
    const TransportFrame frame{.ipv6 = ipv6, .payload = 40};
    Bytes bytes = frame.Build();
    bytes[frame.transport() + 16] = 0xde;
    bytes[frame.transport() + 17] = 0xad;
    Sent sent(bytes);
    ASSERT_EQ(ReadOffload(frame.Ask(), kEveryOffload, sent.packet()), OffloadFault::kNone);
    Bytes filled = BytesOf(sent.packet());
    uint32_t sum = 0;
    for (size_t i = frame.transport(); i < filled.size(); i += 2) {
      sum += uint32_t{filled[i]} << 8 | (i + 1 < filled.size() ? filled[i + 1] : 0U);
    }
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    filled[frame.transport() + 16] = static_cast<uint8_t>(~sum >> 8);
    filled[frame.transport() + 17] = static_cast<uint8_t>(~sum);
    EXPECT_EQ(testing::WhatIsWrong(filled), "");
  }
}

TEST(Offload, TakesSegmentsAndSaysThemAgain) {
  const TransportFrame frame{.payload = 30000, .tcp_options = 12};
  Sent sent(frame.Build());
  ASSERT_EQ(ReadOffload(frame.Ask(1448), kOffloadChecksum | kOffloadTso4, sent.packet()),
            OffloadFault::kNone);
  EXPECT_EQ(sent.packet().offload().needs, kOffloadChecksum | kOffloadTso4);
  EXPECT_EQ(LongestFrame(sent.packet()), 1514U);
  VirtioNetHeader said;
  WriteOffload(sent.packet(), said);
  const VirtioNetHeader asked = frame.Ask(1448);
  EXPECT_EQ(std::memcmp(&said, &asked, sizeof(said)), 0);
}

TEST(Offload, TheHintOfAHeadersLengthIsNotBelieved) {
  const TransportFrame frame{.payload = 3000};
  Sent sent(frame.Build());
  VirtioNetHeader asked = frame.Ask(1000);
  asked.hdr_len = 0xffff;
  ASSERT_EQ(ReadOffload(asked, kEveryOffload, sent.packet()), OffloadFault::kNone);
  VirtioNetHeader said;
  WriteOffload(sent.packet(), said);
  EXPECT_EQ(said.hdr_len, frame.header());
}

TEST(Offload, OneSegmentIsNone) {
  const TransportFrame frame{.payload = 1000, .tcp_flags = 0x98};
  Sent sent(frame.Build());
  ASSERT_EQ(ReadOffload(frame.Ask(1000), kEveryOffload, sent.packet()), OffloadFault::kNone);
  EXPECT_EQ(sent.packet().offload().needs, kOffloadChecksum);
}

// Whoever does not know ECN may not be handed CWR with a TSO, said or not (RFC 3168 §6.1.2).
TEST(Offload, CwrNeedsWhoKnowsIt) {
  const TransportFrame frame{.payload = 3000, .tcp_flags = 0x98};
  Sent sent(frame.Build());
  ASSERT_EQ(ReadOffload(frame.Ask(1000), kOffloadChecksum | kOffloadTso4, sent.packet()),
            OffloadFault::kNone);
  EXPECT_FALSE(sent.packet().offload().FitsIn(kOffloadChecksum | kOffloadTso));
  EXPECT_TRUE(sent.packet().offload().FitsIn(kEveryOffload));
}

struct Wrong {
  const char* what;
  TransportFrame frame;
  uint16_t segment_size;
  OffloadSet allowed;
  void (*change)(Bytes&, VirtioNetHeader&);
  OffloadFault fault;
};

TEST(Offload, RefusesWhatIsNotSo) {
  constexpr auto kNotNegotiated = OffloadFault::kNotNegotiated;
  constexpr auto kContradicted = OffloadFault::kContradicted;
  constexpr auto kUnsupported = OffloadFault::kUnsupported;
  constexpr auto kTooMany = OffloadFault::kTooManySegments;
  const auto nothing = [](Bytes&, VirtioNetHeader&) {};
  using H = VirtioNetHeader;
  const TransportFrame six{.ipv6 = true, .payload = 3000};
  const TransportFrame four{.payload = 3000};
  const TransportFrame datagram{.udp = true, .payload = 3000};
  const Wrong rows[] = {
      {"a checksum not negotiated", four, 0, kOffloadTso, nothing, kNotNegotiated},
      {"TSO not negotiated", four, 1000, kOffloadChecksum | kOffloadTso6, nothing, kNotNegotiated},
      {"the other TSO", six, 1000, kOffloadChecksum | kOffloadTso4, nothing, kNotNegotiated},
      {"ECN not negotiated", four, 1000, kOffloadChecksum | kOffloadTso,
       [](Bytes&, H& asked) { asked.gso_type |= kGsoEcn; }, kNotNegotiated},
      {"a flag nobody knows", four, 0, kEveryOffload, [](Bytes&, H& asked) { asked.flags = 5; },
       kNotNegotiated},
      {"data that is said to be valid", four, 0, kEveryOffload,
       [](Bytes&, H& asked) { asked.flags |= kDataValid; }, kNotNegotiated},
      {"UDP segments", datagram, 0, kEveryOffload,
       [](Bytes&, H& asked) {
         asked.gso_type = 5;
         asked.gso_size = 1000;
       },
       kNotNegotiated},
      {"a kind of GSO nobody knows", four, 1000, kEveryOffload,
       [](Bytes&, H& asked) { asked.gso_type = 0x7f; }, kNotNegotiated},
      {"segments without a checksum", four, 1000, kEveryOffload,
       [](Bytes&, H& asked) { asked.flags = 0; }, kContradicted},
      {"ECN without segments", four, 0, kEveryOffload,
       [](Bytes&, H& asked) { asked.gso_type = kGsoEcn; }, kContradicted},
      {"IPv4 that is said to be IPv6", four, 1000, kEveryOffload,
       [](Bytes&, H& asked) { asked.gso_type = kGsoTcp6; }, kContradicted},
      {"IPv6 that is said to be IPv4", six, 1000, kEveryOffload,
       [](Bytes&, H& asked) { asked.gso_type = kGsoTcp4; }, kContradicted},
      {"TCP segments of UDP", datagram, 1000, kEveryOffload, nothing, kContradicted},
      {"segments of no bytes", four, 1000, kEveryOffload,
       [](Bytes&, H& asked) { asked.gso_size = 0; }, kContradicted},
      {"a start before TCP", four, 0, kEveryOffload,
       [](Bytes&, H& asked) { asked.csum_start -= 2; }, kContradicted},
      {"a start far away", four, 0, kEveryOffload,
       [](Bytes&, H& asked) { asked.csum_start = 0xffff; }, kContradicted},
      {"another field", four, 0, kEveryOffload, [](Bytes&, H& asked) { asked.csum_offset = 18; },
       kContradicted},
      {"UDP's field in TCP", four, 0, kEveryOffload,
       [](Bytes&, H& asked) { asked.csum_offset = 6; }, kContradicted},
      {"a version that is none", four, 0, kEveryOffload, [](Bytes& frame, H&) { frame[14] = 0x65; },
       kContradicted},
      {"an IPv4 header of 16 bytes", four, 0, kEveryOffload,
       [](Bytes& frame, H&) { frame[14] = 0x44; }, kContradicted},
      {"more IPv4 than frame", four, 0, kEveryOffload,
       [](Bytes& frame, H&) { frame.resize(frame.size() - 1); }, kContradicted},
      {"more IPv6 than frame", six, 0, kEveryOffload,
       [](Bytes& frame, H&) { frame.resize(frame.size() - 1); }, kContradicted},
      {"less IPv4 than its headers", four, 0, kEveryOffload,
       [](Bytes& frame, H&) {
         frame[16] = 0;
         frame[17] = 39;
       },
       kContradicted},
      {"bytes behind the last segment", four, 1000, kEveryOffload,
       [](Bytes& frame, H&) { frame.push_back(0); }, kContradicted},
      {"a TCP header of 16 bytes", four, 0, kEveryOffload,
       [](Bytes& frame, H&) { frame[14 + 20 + 12] = 0x40; }, kContradicted},
      {"a TCP header beyond IP",
       {.payload = 8},
       0,
       kEveryOffload,
       [](Bytes& frame, H&) { frame[14 + 20 + 12] = 0xf0; },
       kContradicted},
      {"another length of UDP", datagram, 0, kEveryOffload,
       [](Bytes& frame, H&) { ++frame[14 + 20 + 5]; }, kContradicted},
      {"a frame that ends in IPv4", four, 0, kEveryOffload,
       [](Bytes& frame, H&) { frame.resize(30); }, kContradicted},
      {"a frame that ends in its tag",
       {.tagged = true},
       0,
       kEveryOffload,
       [](Bytes& frame, H&) { frame.resize(16); },
       kContradicted},
      {"a frame that ends in IPv6", six, 0, kEveryOffload,
       [](Bytes& frame, H&) { frame.resize(50); }, kContradicted},
      {"ARP", four, 0, kEveryOffload, [](Bytes& frame, H&) { frame[13] = 6; }, kUnsupported},
      {"two tags",
       {.tagged = true},
       0,
       kEveryOffload,
       [](Bytes& frame, H&) {
         frame[16] = 0x81;
         frame[17] = 0;
       },
       kUnsupported},
      {"the first fragment", four, 0, kEveryOffload, [](Bytes& frame, H&) { frame[20] = 0x20; },
       kUnsupported},
      {"another fragment", four, 0, kEveryOffload, [](Bytes& frame, H&) { frame[21] = 1; },
       kUnsupported},
      {"SCTP", four, 0, kEveryOffload, [](Bytes& frame, H&) { frame[23] = 132; }, kUnsupported},
      {"an extension header", six, 0, kEveryOffload, [](Bytes& frame, H&) { frame[20] = 0; },
       kUnsupported},
      {"headers of 118 bytes",
       {.payload = 100, .tcp_options = 40, .ip_options = 24},
       0,
       kEveryOffload,
       nothing,
       kUnsupported},
      {"129 segments", {.payload = 129}, 1, kEveryOffload, nothing, kTooMany},
  };
  for (const Wrong& row : rows) {
    Bytes frame = row.frame.Build();
    VirtioNetHeader asked = row.frame.Ask(row.segment_size);
    row.change(frame, asked);
    Sent sent(frame);
    EXPECT_EQ(ReadOffload(asked, row.allowed, sent.packet()), row.fault) << row.what;
    EXPECT_FALSE(sent.packet().offload().any()) << row.what;
    EXPECT_EQ(BytesOf(sent.packet()), sent.frame()) << row.what << ": and nothing was written";
  }
}

TEST(Offload, TheLongestHeadersAndTheMostSegmentsAreFine) {
  const TransportFrame longest{.payload = 300, .tcp_options = 40, .ip_options = 20};  // 114 bytes
  Sent sent(longest.Build());
  EXPECT_EQ(ReadOffload(longest.Ask(100), kEveryOffload, sent.packet()), OffloadFault::kNone);
  const TransportFrame most{.payload = kMaxSegments};
  Sent many(most.Build());
  ASSERT_EQ(ReadOffload(most.Ask(1), kEveryOffload, many.packet()), OffloadFault::kNone);
  SoftwareOffload software;
  EXPECT_EQ(AllOf(software.Apply(many.packet())), testing::ReferenceSegments(many.frame(), 1));
}

// Padding of short frames is no part of what is summed, whatever is in it.
TEST(Offload, PaddingIsNotSummed) {
  const TransportFrame frame{.payload = 0};
  Bytes padded = frame.Build();
  padded.resize(60, 0xee);
  Sent sent(padded);
  ASSERT_EQ(ReadOffload(frame.Ask(), kEveryOffload, sent.packet()), OffloadFault::kNone);
  SoftwareOffload software;
  const std::vector<Bytes> made = AllOf(software.Apply(sent.packet()));
  ASSERT_EQ(made.size(), 1U);
  Bytes expected = testing::Completed(frame.Build());
  expected.resize(60, 0xee);
  EXPECT_EQ(made[0], expected);
}

}  // namespace
}  // namespace weft
