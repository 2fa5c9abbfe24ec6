// SPDX-License-Identifier: Apache-2.0
// Every legal shape of a transmit chain, byte by byte, and what happens to a ring that is not
// legal.
#include "nodes/vhost/split_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <string>

#include "tests/nodes/vhost/ring_fixture.h"

namespace weft::vhost {
namespace {

using testing::Bytes;
using testing::Guest;
using testing::GuestRing;
using testing::kMtu;
using testing::Layout;
using testing::PatternFrame;
using testing::Reader;

// Lengths of the pieces before the last one, for header and frame together.
const std::vector<std::pair<std::string, std::vector<size_t>>> kShapes = {
    {"one descriptor", {}},
    {"header alone", {12}},
    {"header with Ethernet header", {26}},
    {"header split", {5, 3}},
    {"header, Ethernet header, rest", {12, 14}},
    {"byte by byte, then the rest", std::vector<size_t>(30, 1)},
    {"cut at the end of the snapshot", {128}},
    {"cut just before it", {127}},
    {"cut just behind it", {129}},
    {"two pieces behind the snapshot", {64, 64, 100}},
    {"63 pieces of 20 and the rest", std::vector<size_t>(63, 20)},
    {"many odd pieces", {12, 1, 3, 17, 101, 7, 257, 33, 512, 11}},
};

template <typename Ring>
class AnyRingReader : public ::testing::Test {};
TYPED_TEST_SUITE(AnyRingReader, testing::Layouts, testing::LayoutNames);

TYPED_TEST(AnyRingReader, TakesEveryShapeOfAChainByteForByte) {
  for (const Layout layout : {Layout::kDirect, Layout::kIndirect}) {
    for (const auto& [name, cuts] : kShapes) {
      Guest guest;
      TypeParam ring(guest, 1024, Direction::kToSwitch, PortId(7));
      Reader reader;
      std::vector<Bytes> sent;
      for (const size_t size :
           {14, 15, 26, 60, 63, 64, 65, 103, 115, 116, 117, 118, 512, 1500, 9215, 9216}) {
        sent.push_back(PatternFrame(size, static_cast<uint32_t>(size)));
        ring.Send(sent.back(), cuts, layout);
      }
      EXPECT_EQ(reader.Receive(ring), sent) << name;
      EXPECT_EQ(reader.out[0]->in_port(), PortId(7));
      EXPECT_EQ(reader.out[15]->header_length(), Packet::kMaxHeader);
      EXPECT_EQ(reader.tally.packets, sent.size());
      EXPECT_EQ(reader.tally.bytes,
                std::accumulate(sent.begin(), sent.end(), size_t{0},
                                [](size_t n, const Bytes& b) { return n + b.size(); }));
      EXPECT_EQ(reader.tally.dropped, 0u);
      EXPECT_TRUE(ring.TakeUsed().empty()) << "payload is borrowed until Finish";
      EXPECT_FALSE(reader.Finish(ring));
      EXPECT_EQ(ring.TakeUsed().size(), sent.size());
    }
  }
}

TYPED_TEST(AnyRingReader, ReturnsHeadsInOrderWithLengthZero) {
  Guest guest;
  TypeParam ring(guest, 8, Direction::kToSwitch);
  Reader reader;
  std::vector<uint16_t> heads;
  for (uint32_t i = 0; i < 3; ++i) heads.push_back(ring.Send(PatternFrame(60, i), {{12}}));
  EXPECT_EQ(reader.Receive(ring).size(), 3u);
  EXPECT_FALSE(reader.Finish(ring));
  const auto used = ring.TakeUsed();
  ASSERT_EQ(used.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(used[i].head, heads[i]);
    EXPECT_EQ(used[i].length, 0u);
  }
}

TYPED_TEST(AnyRingReader, SurvivesTheIndexWrapOnEveryRingSize) {
  for (uint32_t size = 1; size <= kMaxRingSize; size *= 2) {
    Guest guest(16 << 20);
    TypeParam ring(guest, static_cast<uint16_t>(size), Direction::kToSwitch, PortId(0), 65530);
    Reader reader;
    const size_t mark = guest.allocated();
    uint32_t sent = 0;
    uint32_t received = 0;
    for (int round = 0; round < 40; ++round) {
      std::vector<Bytes> frames;
      for (uint32_t i = 0; i < std::min<uint32_t>(size, 100); ++i) {
        frames.push_back(PatternFrame(64, sent++));
        ring.Send(frames.back());
      }
      EXPECT_EQ(reader.Receive(ring), frames);
      received += static_cast<uint32_t>(frames.size());
      EXPECT_FALSE(reader.Finish(ring));
      EXPECT_EQ(ring.TakeUsed().size(), frames.size());
      guest.Rewind(mark);
    }
    EXPECT_EQ(sent, received);
    EXPECT_EQ(ring.queue().error(), RingError::kNone);
  }
}

TEST(RingReader, TakesNoMoreThanAskedForNorThanThePoolHas) {
  Guest guest;
  GuestRing ring(guest, 1024, Direction::kToSwitch);
  Reader reader;
  for (uint32_t i = 0; i < 700; ++i) ring.Send(PatternFrame(60, i));
  EXPECT_EQ(reader.Receive(ring, kMtu, 5).size(), 5u);
  EXPECT_EQ(reader.Receive(ring, kMtu, kMaxBurst).size(), kMaxBurst);
  EXPECT_EQ(reader.Receive(ring, kMtu, kMaxBurst).size(), 251u);  // of 512 in the pool
  EXPECT_EQ(reader.Receive(ring, kMtu, kMaxBurst).size(), 0u);
  EXPECT_FALSE(reader.Finish(ring));
  EXPECT_EQ(ring.TakeUsed().size(), 512u);
  EXPECT_EQ(reader.Receive(ring).size(), 188u);
}

TYPED_TEST(AnyRingReader, AcceptsAVlanTagOnTopOfTheMtu) {
  Guest guest;
  TypeParam ring(guest, 64, Direction::kToSwitch);
  Reader reader;
  const auto send = [&](size_t size, uint16_t type) {
    Bytes frame = PatternFrame(size);
    frame[12] = static_cast<uint8_t>(type >> 8);
    frame[13] = static_cast<uint8_t>(type);
    ring.Send(frame);
  };
  send(1514, 0x0800);
  send(1515, 0x0800);
  send(1518, 0x8100);
  send(1518, 0x88a8);
  send(1519, 0x8100);
  EXPECT_EQ(reader.Receive(ring, 1500).size(), 3u);
  EXPECT_EQ(reader.dropped(ReceiveDrop::kTooLong), 2u);
}

TEST(RingReader, HonoursTheNotificationFlags) {
  Guest guest;
  GuestRing ring(guest, 8, Direction::kToSwitch);
  ring.view().call = CallHandle{0};
  Reader reader;
  EXPECT_EQ(ring.used_flags(), 0);
  ring.Send(PatternFrame(60));
  EXPECT_EQ(reader.Receive(ring).size(), 1u);
  EXPECT_TRUE(reader.Finish(ring));
  EXPECT_EQ(ring.used_flags(), kUsedNoNotify) << "who is polled needs not kick";

  ring.SetAvailFlags(kAvailNoInterrupt);
  ring.Send(PatternFrame(60));
  EXPECT_EQ(reader.Receive(ring).size(), 1u);
  EXPECT_FALSE(reader.Finish(ring));
  EXPECT_EQ(ring.TakeUsed().size(), 2u);

  ring.SetAvailFlags(0);
  ring.view().call = CallHandle();
  ring.Send(PatternFrame(60));
  EXPECT_EQ(reader.Receive(ring).size(), 1u);
  EXPECT_FALSE(reader.Finish(ring)) << "nobody to interrupt";
}

// virtio 1.2 §2.7.7.2: an interrupt when the element at used_event is published, and at no other.
TEST(RingReader, InterruptsExactlyWhereTheUsedEventIs) {
  Guest guest(32 << 20);
  GuestRing ring(guest, 64, Direction::kToSwitch, PortId(0), 65'500);
  ring.view().call = CallHandle{3};
  ring.view().event_index = true;
  Reader reader;
  uint32_t seed = 0;
  // Has frames taken and returned, in one go.
  const auto take = [&](size_t count) {
    for (size_t i = 0; i < count; ++i) ring.Send(PatternFrame(60, seed++));
    EXPECT_EQ(reader.Receive(ring).size(), count);
    return reader.Finish(ring);
  };
  ring.SetUsedEvent(1'000);
  EXPECT_TRUE(take(1)) << "a call descriptor that is new is used once";
  EXPECT_FALSE(take(1));
  EXPECT_EQ(ring.used_flags(), 0) << "§2.7.10.1";
  for (const size_t burst : {1, 2, 7, 64}) {
    for (const size_t at : {size_t{0}, burst / 2, burst - 1}) {
      ring.SetUsedEvent(static_cast<uint16_t>(ring.used_index() + at));
      EXPECT_TRUE(take(burst)) << "element " << at << " of " << burst;
      EXPECT_FALSE(take(burst)) << "it was asked for once";
    }
    ring.SetUsedEvent(static_cast<uint16_t>(ring.used_index() + burst));
    EXPECT_FALSE(take(burst)) << "one short of it";
    EXPECT_TRUE(take(1));
    ring.SetUsedEvent(static_cast<uint16_t>(ring.used_index() - 1));
    EXPECT_FALSE(take(burst)) << "it has been passed already";
  }
  EXPECT_LT(ring.used_index(), 65'500) << "the index has wrapped on the way";
  ring.SetAvailFlags(kAvailNoInterrupt);
  ring.SetUsedEvent(ring.used_index());
  EXPECT_TRUE(take(1)) << "§2.7.7.2: the flag is ignored";
  EXPECT_EQ(ring.avail_event(), 0) << "who polls does not move it";
}

TEST(RingReader, AnInterruptIsNotLostWithTheCallDescriptorThatItWasFor) {
  Guest guest;
  GuestRing ring(guest, 64, Direction::kToSwitch);
  ring.view().event_index = true;
  Reader reader;
  const auto take = [&](CallHandle call) {
    ring.view().call = call;
    ring.Send(PatternFrame(60));
    EXPECT_EQ(reader.Receive(ring).size(), 1u);
    return reader.Finish(ring);
  };
  ring.SetUsedEvent(0);
  EXPECT_FALSE(take(CallHandle())) << "nobody to interrupt";
  EXPECT_TRUE(take(CallHandle{4}));
  EXPECT_FALSE(take(CallHandle{4}));
  EXPECT_TRUE(take(CallHandle{5})) << "it was replaced";
  EXPECT_FALSE(take(CallHandle{5}));
  EXPECT_FALSE(take(CallHandle()));
  EXPECT_TRUE(take(CallHandle{5})) << "it was taken away in between";
}

TYPED_TEST(AnyRingReader, RefusesATableThatWasNotNegotiated) {
  Guest guest;
  TypeParam ring(guest, 8, Direction::kToSwitch);
  ring.view().indirect = false;
  Reader reader;
  ring.Send(PatternFrame(60), {}, Layout::kIndirect);
  EXPECT_TRUE(reader.Receive(ring).empty());
  EXPECT_EQ(reader.dropped(ReceiveDrop::kBadIndirect), 1u);
}

TYPED_TEST(AnyRingReader, ManyPollsOfBadFramesLoseNoPacketsOrSegments) {
  Guest guest(16 << 20);
  TypeParam ring(guest, 4096, Direction::kToSwitch);
  Reader reader;
  const std::vector<size_t> cuts(40, 200);
  const size_t mark = guest.allocated();
  for (int round = 0; round < 20; ++round) {  // one dispatch: nothing is finished in between
    for (int i = 0; i < 4; ++i) {
      ring.Send(PatternFrame(8000), cuts, Layout::kDirect, {.flags = 1});
    }
    EXPECT_TRUE(reader.Receive(ring).empty());
    guest.Rewind(mark);
  }
  EXPECT_EQ(reader.dropped(ReceiveDrop::kBadOffload), 80u);
  EXPECT_EQ(reader.pool.taken(), 0u);
  const Bytes good = PatternFrame(8000);
  ring.Send(good, cuts);
  EXPECT_EQ(reader.Receive(ring), std::vector<Bytes>{good});
}

TEST(RingReader, FailsARingWhoseIndexIsTooFarAhead) {
  Guest guest;
  GuestRing ring(guest, 256, Direction::kToSwitch);
  Reader reader;
  ring.SetAvailIndex(257);
  EXPECT_TRUE(reader.Receive(ring).empty());
  EXPECT_EQ(ring.queue().error(), RingError::kAvailTooFarAhead);
  EXPECT_EQ(ring.queue().Running(), nullptr);
}

TEST(RingReader, FailsARingWhoseIndexGoesBack) {
  Guest guest;
  GuestRing ring(guest, 256, Direction::kToSwitch);
  Reader reader;
  for (uint32_t i = 0; i < 5; ++i) ring.Send(PatternFrame(60, i));
  EXPECT_EQ(reader.Receive(ring).size(), 5u);
  ring.SetAvailIndex(4);
  EXPECT_TRUE(reader.Receive(ring).empty());
  EXPECT_EQ(ring.queue().error(), RingError::kAvailTooFarAhead);
}

TEST(RingReader, FailsARingThatNamesADescriptorOutsideOfItsTable) {
  Guest guest;
  GuestRing ring(guest, 256, Direction::kToSwitch);
  Reader reader;
  const Bytes good = PatternFrame(60);
  ring.Send(good);
  ring.Offer(256);
  ring.Send(good);
  EXPECT_EQ(reader.Receive(ring), std::vector<Bytes>{good}) << "what was good before it goes on";
  EXPECT_EQ(ring.queue().error(), RingError::kHeadOutOfRange);
  EXPECT_FALSE(reader.Finish(ring));
  EXPECT_EQ(ring.TakeUsed().size(), 1u);
}

}  // namespace
}  // namespace weft::vhost
