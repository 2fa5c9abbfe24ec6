// SPDX-License-Identifier: Apache-2.0
// What is asked for, what is taken of it, and what software makes of it: rows for each way to ask
// wrongly, and a property over many frames against a reading that shares nothing with it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "core/packet/offload_request.h"
#include "core/packet/software_offload.h"
#include "tests/support/offload_frames.h"

namespace weft {
namespace {

using testing::Bytes;
using testing::TransportFrame;

// A packet as an input makes it: headers private, the rest in somebody's memory, in pieces.
class Sent {
 public:
  explicit Sent(Bytes frame, size_t pieces = 1) : frame_(std::move(frame)) {
    const size_t header = std::min<size_t>(frame_.size(), Packet::kMaxHeader);
    uint8_t* const to = packet().snapshot() + Packet::kVirtioNetHeader;
    std::memcpy(to, frame_.data(), header);
    packet().Reset(PortId(1), to, static_cast<uint32_t>(header));
    size_t at = header;
    for (size_t i = pieces; i > 0 && at < frame_.size(); --i) {
      const size_t length = i == 1 ? frame_.size() - at : (frame_.size() - at) / i;
      segments_.push_back({ForeignPtr(frame_.data() + at), static_cast<uint32_t>(length)});
      at += length;
    }
    if (segments_.empty()) return;
    packet().SetPayload(segments_[0]);
    if (segments_.size() > 1) packet().SetMorePayload(&segments_[1], segments_.size() - 1);
  }
  Packet& packet() { return slot_.packet; }
  Bytes& frame() { return frame_; }

 private:
  Bytes frame_;
  std::vector<Segment> segments_;
  PacketSlot slot_;
};

Bytes BytesOf(const Packet& packet) {
  Bytes bytes(packet.header(), packet.header() + packet.header_length());
  for (size_t i = 0; i < packet.segment_count(); ++i) {
    const size_t at = bytes.size();
    bytes.resize(at + packet.segment(i).length);
    packet.segment(i).data.CopyOut(bytes.data() + at, packet.segment(i).length);
  }
  return bytes;
}

std::vector<Bytes> AllOf(std::span<Packet* const> packets) {
  std::vector<Bytes> frames;
  for (const Packet* packet : packets) frames.push_back(BytesOf(*packet));
  return frames;
}

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
  for (int round = 0; round < 4000; ++round) {
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
