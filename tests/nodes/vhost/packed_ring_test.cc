// SPDX-License-Identifier: Apache-2.0
// What is a packed ring's own: whose a descriptor is, which positions a chain takes, when the
// container is interrupted. Its lies are in packed_ring_lies_test.cc, what all layouts share in
// split_ring_test.cc and receive_ring_test.cc.
#include <gtest/gtest.h>

#include <vector>

#include "nodes/vhost/ring.h"
#include "tests/nodes/vhost/ring_fixture.h"

namespace weft::vhost {
namespace {

using testing::Bytes;
using testing::Guest;
using testing::InOrderGuestRing;
using testing::kMtu;
using testing::PackedGuestRing;
using testing::PatternFrame;
using testing::Reader;
using testing::WithHeader;
using testing::Writer;

TEST(PackedLayout, PositionsAndBasesAreTheSameTwiceRound) {
  for (const uint16_t size : std::initializer_list<uint16_t>{1, 2, 256, 4096}) {
    for (uint32_t position = 0; position < 2U * size; ++position) {
      const auto at = static_cast<uint16_t>(position);
      EXPECT_EQ(PackedPosition(PackedBase(at, size), size), at);
    }
  }
  EXPECT_EQ(PackedBase(0, 256), 0x8000) << "the wrap counter begins with 1";
  EXPECT_EQ(PackedBase(255, 256), 0x80ff);
  EXPECT_EQ(PackedBase(256, 256), 0);
  EXPECT_EQ(PackedBase(512, 256), 0x8000);
}

TEST(PackedReader, NothingIsThereBeforeTheFirstDescriptorsFlagsAre) {
  Guest guest;
  PackedGuestRing ring(guest, 8, Direction::kToSwitch);
  Reader reader;
  EXPECT_TRUE(reader.Receive(ring).empty());
  ring.Send(PatternFrame(200), {{12, 50}});
  const uint16_t flags = ring.Flags(0).exchange(0);
  EXPECT_TRUE(reader.Receive(ring).empty());
  ring.Flags(0) = flags;
  // A chain is there when all of it is, whatever the driver's order was.
  const uint16_t last = ring.Flags(2).exchange(0);
  EXPECT_TRUE(reader.Receive(ring).empty());
  ring.Flags(2) = last;
  EXPECT_EQ(reader.Receive(ring), std::vector<Bytes>{PatternFrame(200)});
  EXPECT_TRUE(reader.Receive(ring).empty()) << "taken is taken";
  EXPECT_FALSE(reader.Finish(ring));
  EXPECT_TRUE(reader.Receive(ring).empty()) << "and used is used";
  EXPECT_EQ(ring.TakeUsed().size(), 1u);
  EXPECT_EQ(ring.queue().error(), RingError::kNone);
}

TEST(PackedReader, TakesNoMoreThanItCanReturnInOneDispatch) {
  Guest guest;
  PackedGuestRing ring(guest, 1024, Direction::kToSwitch);
  Reader reader;
  for (uint32_t i = 0; i < 700; ++i) ring.Send(PatternFrame(60, i));
  EXPECT_EQ(reader.Receive(ring, kMtu, 5).size(), 5u);
  EXPECT_EQ(reader.Receive(ring, kMtu, kMaxBurst).size(), kMaxBurst - 5);
  EXPECT_EQ(reader.Receive(ring, kMtu, kMaxBurst).size(), 0u);
  EXPECT_FALSE(reader.Finish(ring));
  EXPECT_EQ(ring.TakeUsed().size(), kMaxBurst);
  EXPECT_EQ(reader.Receive(ring).size(), kMaxBurst);
}

TEST(PackedReader, LongChainsLeaveTheRestForTheNextCall) {
  Guest guest(16 << 20);
  PackedGuestRing ring(guest, 4096, Direction::kToSwitch);
  Reader reader;
  const std::vector<size_t> cuts(63, 20);
  std::vector<Bytes> sent;
  for (uint32_t i = 0; i < 60; ++i) {
    sent.push_back(PatternFrame(2000, i));
    ring.Send(sent.back(), cuts);
  }
  std::vector<Bytes> got;
  size_t calls = 0;
  for (; got.size() < sent.size() && calls < 100; ++calls) {
    const auto more = reader.Receive(ring);
    got.insert(got.end(), more.begin(), more.end());
    EXPECT_FALSE(reader.Finish(ring));
  }
  EXPECT_EQ(got, sent);
  EXPECT_GT(calls, 1u);
  EXPECT_EQ(ring.TakeUsed().size(), 60u);
}

TEST(PackedReader, InOrderOneUsedDescriptorStandsForAll) {
  Guest guest;
  InOrderGuestRing ring(guest, 64, Direction::kToSwitch);
  Reader reader;
  std::vector<uint16_t> ids;
  for (uint32_t i = 0; i < 9; ++i) ids.push_back(ring.Send(PatternFrame(60, i), {{12}}));
  EXPECT_EQ(reader.Receive(ring).size(), 9u);
  const auto second = ring.At(2);
  EXPECT_FALSE(reader.Finish(ring));
  EXPECT_EQ(ring.At(0).id, ids.back());
  EXPECT_EQ(ring.At(2).flags, second.flags) << "not written";
  EXPECT_EQ(ring.TakeUsed().size(), 9u);
  EXPECT_EQ(ring.next_used(), ring.next_available());
}

TEST(PackedReader, WhatIsPolledNeedsNoKickUntilItIsAskedFor) {
  Guest guest;
  PackedGuestRing ring(guest, 8, Direction::kToSwitch);
  Reader reader;
  EXPECT_EQ(ring.device_event_flags(), kEventEnable) << "the first kick starts the ring";
  ring.Send(PatternFrame(60));
  EXPECT_FALSE(IsIdle(ring.queue(), ring.view()));
  EXPECT_EQ(reader.Receive(ring).size(), 1u);
  EXPECT_TRUE(IsIdle(ring.queue(), ring.view()));
  EXPECT_FALSE(reader.Finish(ring));
  EXPECT_EQ(ring.device_event_flags(), kEventDisable);
  AskForKick(ring.queue(), ring.view());
  EXPECT_EQ(ring.device_event_flags(), kEventEnable);
  ring.Send(PatternFrame(60));
  EXPECT_EQ(reader.Receive(ring).size(), 1u);
  EXPECT_FALSE(reader.Finish(ring));
  EXPECT_EQ(ring.device_event_flags(), kEventDisable);
}

TEST(PackedReader, HonoursTheNotificationFlags) {
  Guest guest;
  PackedGuestRing ring(guest, 8, Direction::kToSwitch);
  ring.view().call = CallHandle{0};
  Reader reader;
  const auto take = [&] {
    ring.Send(PatternFrame(60));
    EXPECT_EQ(reader.Receive(ring).size(), 1u);
    const bool interrupt = reader.Finish(ring);
    EXPECT_EQ(ring.TakeUsed().size(), 1u);
    return interrupt;
  };
  EXPECT_TRUE(take());
  ring.SetEvent(kEventDisable);
  EXPECT_FALSE(take());
  ring.SetEvent(kEventAtDescriptor, 1000);
  EXPECT_TRUE(take()) << "EVENT_IDX was not negotiated: better one too many";
  ring.SetEvent(kEventEnable);
  ring.view().call = CallHandle();
  EXPECT_FALSE(take()) << "nobody to interrupt";
}

// virtio 1.2 §2.8.10: an interrupt when the descriptor at the event's position is used, and at no
// other.
TEST(PackedReader, InterruptsExactlyWhereTheEventIs) {
  Guest guest(32 << 20);
  PackedGuestRing ring(guest, 64, Direction::kToSwitch, PortId(0), 65'400);
  ring.view().call = CallHandle{3};
  ring.view().event_index = true;
  Reader reader;
  uint32_t seed = 0;
  const auto take = [&](size_t count) {
    for (size_t i = 0; i < count; ++i) ring.Send(PatternFrame(60, seed++));
    EXPECT_EQ(reader.Receive(ring).size(), count);
    const bool interrupt = reader.Finish(ring);
    EXPECT_EQ(ring.TakeUsed().size(), count);
    return interrupt;
  };
  ring.SetEvent(kEventAtDescriptor, static_cast<uint16_t>(ring.next_used() + 70));
  EXPECT_TRUE(take(1)) << "a call descriptor that is new is used once";
  EXPECT_FALSE(take(1));
  for (int round = 0; round < 3; ++round) {
    for (const size_t burst : {1, 2, 7, 63}) {
      for (const size_t at : {size_t{0}, burst / 2, burst - 1}) {
        ring.SetEvent(kEventAtDescriptor, static_cast<uint16_t>(ring.next_used() + at));
        EXPECT_TRUE(take(burst)) << "descriptor " << at << " of " << burst;
        EXPECT_FALSE(take(1)) << "it was asked for once";
      }
      ring.SetEvent(kEventAtDescriptor, static_cast<uint16_t>(ring.next_used() + burst));
      EXPECT_FALSE(take(burst)) << "one short of it";
      EXPECT_TRUE(take(1));
      ring.SetEvent(kEventAtDescriptor, static_cast<uint16_t>(ring.next_used() - 1));
      EXPECT_FALSE(take(burst)) << "it has been passed already";
    }
  }
  ring.SetEvent(kEventDisable);
  EXPECT_FALSE(take(5));
}

TEST(PackedReader, AnInterruptIsNotLostWithTheCallDescriptorThatItWasFor) {
  Guest guest;
  PackedGuestRing ring(guest, 64, Direction::kToSwitch);
  ring.view().event_index = true;
  Reader reader;
  const auto take = [&](CallHandle call) {
    ring.view().call = call;
    ring.Send(PatternFrame(60));
    EXPECT_EQ(reader.Receive(ring).size(), 1u);
    return reader.Finish(ring);
  };
  ring.SetEvent(kEventAtDescriptor, 0);
  EXPECT_FALSE(take(CallHandle())) << "nobody to interrupt";
  EXPECT_TRUE(take(CallHandle{4}));
  EXPECT_FALSE(take(CallHandle{4}));
  EXPECT_TRUE(take(CallHandle{5})) << "it was replaced";
  EXPECT_FALSE(take(CallHandle{5}));
  EXPECT_FALSE(take(CallHandle()));
  EXPECT_TRUE(take(CallHandle{5})) << "it was taken away in between";
}

TEST(PackedWriter, NothingIsVisibleBeforePublishAndThenAllOfIt) {
  Guest sender;
  Guest receiver;
  PackedGuestRing out(sender, 64, Direction::kToSwitch);
  PackedGuestRing in(receiver, 64, Direction::kToGuest, PortId(1));
  Reader reader;
  Writer writer;
  for (uint32_t i = 0; i < 9; ++i) {
    in.Post(200);
    out.Send(PatternFrame(100, i));
  }
  ASSERT_EQ(reader.Receive(out).size(), 9u);
  writer.Transmit(in, reader, 4);
  EXPECT_TRUE(in.TakeUsed().empty());
  // As another worker's burst would.
  EXPECT_EQ(
      writer.writer.Transmit(in.queue(), in.view(), kMtu, reader.out.data() + 4, 5, writer.tally),
      5U);
  EXPECT_TRUE(in.TakeUsed().empty());
  EXPECT_FALSE(RingWriter::Publish(in.queue(), in.view()));
  for (uint32_t i = 0; i < 9; ++i) EXPECT_EQ(in.Receive(), WithHeader(PatternFrame(100, i)));
  EXPECT_FALSE(RingWriter::Publish(in.queue(), in.view())) << "of the other worker: nothing left";
  EXPECT_TRUE(in.TakeUsed().empty());
}

}  // namespace
}  // namespace weft::vhost
