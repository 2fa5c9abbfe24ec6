// SPDX-License-Identifier: Apache-2.0
// The store of packets that nodes keep: what is kept comes out as it went in, in time and in order,
// nobody has more than its share, and nothing stays for ever.
#include "core/graph/held_packets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <optional>

namespace weft {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kPackets = 16, kCells = 32;

// A packet of `length` bytes that count up, of which the last `length - head` are in pieces.
class Frames {
 public:
  Packet& Make(PortId port, size_t length, size_t head, size_t piece) {
    slots_.push_back(std::make_unique<PacketSlot>());
    bytes_.push_back(std::make_unique<std::vector<uint8_t>>(Packet::kVirtioNetHeader + length));
    segments_.push_back(std::make_unique<std::vector<Segment>>());
    uint8_t* const frame = bytes_.back()->data() + Packet::kVirtioNetHeader;
    std::iota(frame, frame + length, uint8_t{0});
    Packet& packet = slots_.back()->packet;
    packet.Reset(port, frame, static_cast<uint32_t>(head));
    std::vector<Segment>& segments = *segments_.back();
    for (size_t at = head; at < length; at += piece) {
      segments.push_back(
          {ForeignPtr(frame + at), static_cast<uint32_t>(std::min(piece, length - at))});
    }
    if (!segments.empty()) {
      packet.SetPayload(segments[0]);
      packet.SetMorePayload(segments.data() + 1, segments.size() - 1);
    }
    return packet;
  }

 private:
  std::vector<std::unique_ptr<PacketSlot>> slots_;
  std::vector<std::unique_ptr<std::vector<uint8_t>>> bytes_;
  std::vector<std::unique_ptr<std::vector<Segment>>> segments_;
};

std::vector<uint8_t> BytesOf(const Packet& packet) {
  std::vector<uint8_t> bytes(packet.header(), packet.header() + packet.header_length());
  for (size_t i = 0; i < packet.segment_count(); ++i) {
    const size_t at = bytes.size();
    bytes.resize(at + packet.segment(i).length);
    packet.segment(i).data.CopyOut(bytes.data() + at, packet.segment(i).length);
  }
  return bytes;
}

class HeldPacketsTest : public ::testing::Test {
 protected:
  HeldPackets held_{kPackets, kCells};
  Frames frames_;
  const Time now_ = seconds(5);
};

TEST_F(HeldPacketsTest, CopiesEveryByteHoweverItLies) {
  for (const size_t length : {60, 116, 117, 2164, 2165, 4212, 4213, 8308, 8309, 9014, 12'000}) {
    for (const size_t head : {14, 116, 128, 3000}) {
      for (const size_t piece : {1000, 2048, 5000, 20'000}) {
        const size_t header = std::min(head, length);
        const Packet& packet = frames_.Make(PortId(3), length, header, piece);
        const Owned owned = held_.Keep(packet, now_);
        ASSERT_TRUE(owned) << length;
        ASSERT_TRUE(held_.Send(owned, now_, now_, {}));
        const Packet* const copy = held_.TakeDue(now_);
        ASSERT_NE(copy, nullptr);
        EXPECT_EQ(BytesOf(*copy), BytesOf(packet)) << length << " " << head << " " << piece;
        EXPECT_EQ(copy->length(), length);
        EXPECT_LE(copy->header_length(), Packet::kMaxHeader);
        EXPECT_EQ(copy->in_port(), PortId(3));
        held_.EndDispatch();
      }
    }
  }
  EXPECT_EQ(held_.held(), 0U);
  EXPECT_EQ(held_.most_held(), 1U);
}

TEST_F(HeldPacketsTest, GivesThemOutInTimeAndInOrder) {
  std::vector<Owned> kept;
  for (size_t i = 0; i < 4; ++i)
    kept.push_back(held_.Keep(frames_.Make(PortId(1), 60 + i, 60 + i, 1), now_));
  held_.Send(kept[2], now_ + milliseconds(2), now_, {});
  held_.Send(kept[0], now_ + milliseconds(1), now_, {});
  held_.Send(kept[3], now_ + milliseconds(1), now_, {});
  held_.Send(kept[1], now_ + milliseconds(1), now_, {});
  EXPECT_EQ(held_.NextDue(), now_ + milliseconds(1));
  EXPECT_EQ(held_.TakeDue(now_), nullptr);
  std::vector<size_t> lengths;
  while (const Packet* packet = held_.TakeDue(now_ + milliseconds(1)))
    lengths.push_back(packet->length());
  EXPECT_THAT(lengths, ::testing::ElementsAre(60, 63, 61)) << "one moment: as they were sent";
  EXPECT_EQ(held_.NextDue(), now_ + milliseconds(2));
  EXPECT_EQ(held_.held(), 4U) << "until the dispatch ends";
  held_.EndDispatch();
  EXPECT_EQ(held_.held(), 1U);
  ASSERT_NE(held_.TakeDue(now_ + milliseconds(2)), nullptr);
  held_.EndDispatch();
  EXPECT_EQ(held_.NextDue(), std::nullopt);
}

TEST_F(HeldPacketsTest, GivesAPortItsShareAndTheOthersTheirs) {
  std::vector<Owned> kept;
  for (uint16_t port = 0; port < HeldPackets::kShare; ++port) {
    for (size_t i = 0; i < kPackets / HeldPackets::kShare; ++i) {
      kept.push_back(held_.Keep(frames_.Make(PortId(port), 60, 60, 1), now_));
      EXPECT_TRUE(kept.back()) << port;
    }
    EXPECT_FALSE(held_.Keep(frames_.Make(PortId(port), 60, 60, 1), now_)) << port;
  }
  EXPECT_FALSE(held_.Keep(frames_.Make(PortId(4), 60, 60, 1), now_)) << "there is no room";
  held_.Release(kept.front());
  EXPECT_FALSE(held_.Keep(frames_.Make(PortId(1), 60, 60, 1), now_)) << "it has its share";
  EXPECT_TRUE(held_.Keep(frames_.Make(PortId(0), 60, 60, 1), now_));
}

TEST_F(HeldPacketsTest, CountsBytesOfASharesToo) {
  // 8 cells are a port's share; each of these needs 5, and one for the list of them.
  EXPECT_TRUE(held_.Keep(frames_.Make(PortId(0), 9014, 116, 9014), now_));
  EXPECT_FALSE(held_.Keep(frames_.Make(PortId(0), 9014, 116, 9014), now_));
  EXPECT_TRUE(held_.Keep(frames_.Make(PortId(0), 2000, 116, 2000), now_));
  EXPECT_TRUE(held_.Keep(frames_.Make(PortId(1), 9014, 116, 9014), now_));
}

TEST_F(HeldPacketsTest, ATicketIsOfOnePacketAlone) {
  EXPECT_EQ(held_.Find(Owned()), nullptr);
  const Owned first = held_.Keep(frames_.Make(PortId(0), 60, 60, 1), now_);
  EXPECT_NE(held_.Find(first), nullptr);
  held_.Release(first);
  const Owned second = held_.Keep(frames_.Make(PortId(0), 60, 60, 1), now_);
  EXPECT_EQ(held_.Find(first), nullptr) << "another has its place";
  held_.Release(first);
  EXPECT_FALSE(held_.Send(first, now_, now_, {}));
  EXPECT_NE(held_.Find(second), nullptr);
  EXPECT_TRUE(held_.Send(second, now_, now_, {}));
  EXPECT_FALSE(held_.Send(second, now_, now_, {})) << "once";
  EXPECT_EQ(held_.Find(second), nullptr);
}

TEST_F(HeldPacketsTest, NothingStaysForEver) {
  const Owned sent = held_.Keep(frames_.Make(PortId(0), 60, 60, 1), now_);
  held_.Send(sent, now_ + seconds(3600), now_, {});
  EXPECT_EQ(held_.NextDue(), now_ + HeldPackets::kLongest);
  const Owned forgotten = held_.Keep(frames_.Make(PortId(1), 60, 60, 1), now_ + seconds(1));
  EXPECT_EQ(held_.TakeExpired(now_ + HeldPackets::kLongest), nullptr);
  const Time end = now_ + seconds(1) + HeldPackets::kLongest;
  const Packet* const expired = held_.TakeExpired(end);
  ASSERT_NE(expired, nullptr);
  EXPECT_EQ(expired->in_port(), PortId(1));
  EXPECT_EQ(held_.TakeExpired(end), nullptr);
  EXPECT_FALSE(held_.Send(forgotten, now_, now_, {}));
  EXPECT_NE(held_.TakeDue(end), nullptr);
  held_.EndDispatch();
  EXPECT_EQ(held_.held(), 0U);
}

}  // namespace
}  // namespace weft
