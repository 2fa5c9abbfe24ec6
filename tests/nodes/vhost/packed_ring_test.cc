// SPDX-License-Identifier: Apache-2.0
// What is a packed ring's own: whose a descriptor is, which positions a chain takes, when the
// container is interrupted, and every lie that its descriptors can tell. What all layouts share is
// in split_ring_test.cc and receive_ring_test.cc.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "nodes/vhost/ring.h"
#include "tests/nodes/vhost/ring_fixture.h"

namespace weft::vhost {
namespace {

using testing::Bytes;
using testing::Guest;
using testing::InOrderGuestRing;
using testing::kMtu;
using testing::Layout;
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

// One lie: offers descriptors that are bad in the named way, as one chain.
struct Lie {
  const char* name;
  ReceiveDrop reason;
  std::vector<PackedDescriptor> descriptors;
};

TEST(PackedReader, NamesEveryLieAndTakesTheNextFrame) {
  using R = ReceiveDrop;
  constexpr uint16_t kNext = Descriptor::kNext;
  constexpr uint16_t kWrite = Descriptor::kWrite;
  constexpr uint16_t kIndirect = Descriptor::kIndirect;
  constexpr uint64_t kBase = Guest::kBase;
  // Tables, at places that no frame uses.
  constexpr uint64_t kTable = kBase + (3 << 20);
  const auto chain = [](size_t count, PackedDescriptor last) {
    std::vector<PackedDescriptor> all(count, {kBase, 8, 0, kNext});
    all.back() = last;
    return all;
  };
  const std::vector<Lie> lies = {
      {"empty chain", R::kRunt, {{kBase, 0, 0, 0}}},
      {"header alone", R::kRunt, {{kBase, 12, 0, 0}}},
      {"13 bytes", R::kRunt, {{kBase, 25, 0, 0}}},
      {"13 bytes in pieces", R::kRunt, {{kBase, 12, 0, kNext}, {kBase, 13, 0, 0}}},
      {"9217 bytes", R::kTooLong, {{kBase, 12 + 9217, 0, 0}}},
      {"4 GiB - 1", R::kTooLong, {{kBase, 0xffffffff, 0, 0}}},
      {"lengths that wrap", R::kTooLong, {{kBase, 200, 0, kNext}, {kBase, 0xffffffff, 0, 0}}},
      {"writable", R::kBadDirection, {{kBase, 100, 0, kWrite}}},
      {"writable at the end", R::kBadDirection, chain(3, {kBase, 100, 0, kWrite})},
      {"writable in a table", R::kBadDirection, {{kTable, 16, 0, kIndirect}}},
      {"65 descriptors", R::kChainTooLong, chain(65, {kBase, 8, 0, 0})},
      {"200 descriptors", R::kChainTooLong, chain(200, {kBase, 8, 0, 0})},
      {"table not at the head", R::kBadIndirect, chain(2, {kTable, 16, 0, kIndirect})},
      {"table in a table", R::kBadIndirect, {{kTable + 16, 16, 0, kIndirect}}},
      {"table with NEXT", R::kBadIndirect, {{kTable, 16, 0, kIndirect | kNext}, {kBase, 8, 0, 0}}},
      {"table of 0 bytes", R::kBadIndirect, {{kTable, 0, 0, kIndirect}}},
      {"table of 17 bytes", R::kBadIndirect, {{kTable, 17, 0, kIndirect}}},
      {"table of 65 entries", R::kBadIndirect, {{kTable, 65 * 16, 0, kIndirect}}},
      {"table of 4 GiB", R::kBadIndirect, {{kTable, 0xfffffff0, 0, kIndirect}}},
      {"table outside", R::kUnmapped, {{0x1000, 32, 0, kIndirect}}},
      {"address 0", R::kUnmapped, {{0, 100, 0, 0}}},
      {"below the region", R::kUnmapped, {{kBase - 1, 100, 0, 0}}},
      {"address that wraps", R::kUnmapped, {{~uint64_t{0} - 10, 100, 0, 0}}},
      {"one byte outside", R::kUnmapped, {{kBase + (4 << 20) - 99, 100, 0, 0}}},
      {"second piece outside", R::kUnmapped, chain(2, {kBase + (4 << 20), 100, 0, 0})},
      {"outside, in a table", R::kUnmapped, {{kTable + 32, 16, 0, kIndirect}}},
  };
  for (const Lie& lie : lies) {
    SCOPED_TRACE(lie.name);
    Guest guest(4 << 20);
    guest.As<PackedDescriptor>(kTable) = {kBase, 100, 0, kWrite};
    guest.As<PackedDescriptor>(kTable + 16) = {kBase, 100, 0, kIndirect};
    guest.As<PackedDescriptor>(kTable + 32) = {0, 100, 0, 0};
    PackedGuestRing ring(guest, 256, Direction::kToSwitch);
    Reader reader;
    const Bytes before = PatternFrame(300, 1);
    const Bytes after = PatternFrame(80, 2);
    ring.Send(before);
    const uint16_t id = ring.OfferDescriptors(lie.descriptors);
    ring.Send(after);
    EXPECT_EQ(reader.Receive(ring), (std::vector<Bytes>{before, after}));
    EXPECT_EQ(reader.dropped(lie.reason), 1u);
    EXPECT_EQ(reader.tally.dropped, 1u);
    EXPECT_EQ(reader.pool.taken(), 2u) << "a bad frame holds no packet";
    EXPECT_EQ(ring.queue().error(), RingError::kNone);
    EXPECT_FALSE(reader.Finish(ring));
    const auto used = ring.TakeUsed();
    ASSERT_EQ(used.size(), 3u) << "its descriptors come back";
    EXPECT_EQ(used[1].head, id);
  }
}

// §2.8.7: the order of a table's entries is the chain; what is reserved in them is not looked at.
TEST(PackedReader, IgnoresNextAndIdInATable) {
  Guest guest;
  PackedGuestRing ring(guest, 8, Direction::kToSwitch);
  const Bytes frame = PatternFrame(100);
  Bytes header(kNetHeader);
  const uint64_t data = guest.Put(header);
  const uint64_t rest = guest.Put(frame);
  const uint64_t table = guest.Allocate(32, 16);
  guest.As<PackedDescriptor>(table) = {data, 12, 7, 0};
  guest.As<PackedDescriptor>(table + 16) = {rest, 100, 9, Descriptor::kNext};
  ring.OfferDescriptors({{table, 32, 0, Descriptor::kIndirect}});
  Reader reader;
  EXPECT_EQ(reader.Receive(ring), std::vector<Bytes>{frame});
}

TEST(PackedReader, AChainWithoutEndFailsItsRing) {
  Guest guest;
  PackedGuestRing ring(guest, 128, Direction::kToSwitch);
  Reader reader;
  ring.Send(PatternFrame(60));
  const std::vector<PackedDescriptor> all(127, {Guest::kBase, 8, 0, Descriptor::kNext});
  ring.OfferDescriptors(all);
  // The one that is taken, as if it were available again.
  EXPECT_EQ(reader.Receive(ring, kMtu, 1).size(), 1u);
  ring.Flags(0) = PackedDescriptor::kUsed | Descriptor::kNext;
  EXPECT_TRUE(reader.Receive(ring).empty());
  EXPECT_EQ(ring.queue().error(), RingError::kAvailTooFarAhead);
  EXPECT_FALSE(reader.Finish(ring)) << "what was good before goes back";
  EXPECT_EQ(ring.TakeUsed().size(), 1u);
}

TEST(PackedReader, ARingIsNeverTakenTwiceRound) {
  Guest guest;
  PackedGuestRing ring(guest, 8, Direction::kToSwitch);
  Reader reader;
  for (uint32_t i = 0; i < 8; ++i) ring.Send(PatternFrame(60, i));
  EXPECT_EQ(reader.Receive(ring).size(), 8u);
  for (uint16_t i = 8; i < 16; ++i) ring.Flags(i) = AvailableBits(i, 8);
  EXPECT_TRUE(reader.Receive(ring).empty()) << "nothing has been returned yet";
  EXPECT_FALSE(reader.Finish(ring));
}

TEST(PackedWriter, ReturnsABadBufferEmptyAndGoesOn) {
  constexpr uint16_t kNext = Descriptor::kNext;
  constexpr uint16_t kWrite = Descriptor::kWrite;
  const std::vector<std::vector<PackedDescriptor>> bad = {
      {{Guest::kBase, 2000, 0, 0}},             // not writable
      {{0, 2000, 0, kWrite}},                   // unmapped
      {{Guest::kBase, 0xffffffff, 0, kWrite}},  // reaches outside
      {{Guest::kBase, 11, 0, kWrite}},          // shorter than a header
      {{Guest::kBase, 0, 0, kWrite}},           // empty
      {{Guest::kBase, 17, 0, Descriptor::kIndirect}},
      std::vector<PackedDescriptor>(100, {Guest::kBase, 100, 0, kWrite | kNext}),
  };
  for (std::vector<PackedDescriptor> descriptors : bad) {
    descriptors.back().flags &= ~kNext;
    Guest sender;
    Guest receiver;
    PackedGuestRing out(sender, 64, Direction::kToSwitch);
    PackedGuestRing in(receiver, 256, Direction::kToGuest, PortId(1));
    Reader reader;
    Writer writer;
    in.Post(2000);
    const uint16_t id = in.OfferDescriptors(descriptors);
    in.Post(2000);
    for (uint32_t i = 0; i < 3; ++i) out.Send(PatternFrame(100, i));
    ASSERT_EQ(reader.Receive(out).size(), 3u);
    writer.Transmit(in, reader, 3);
    (void)RingWriter::Publish(in.queue(), in.view());
    EXPECT_EQ(writer.dropped(TransmitDrop::kBadBuffer), 1u);
    EXPECT_EQ(writer.tally.packets, 2u);
    const auto used = in.TakeUsed();
    ASSERT_EQ(used.size(), 3u);
    EXPECT_EQ(used[1].head, id);
    EXPECT_EQ(used[1].length, 0u);
    EXPECT_EQ(used[2].length, 112u);
    EXPECT_EQ(in.queue().error(), RingError::kNone);
  }
}

TEST(PackedWriter, AChainWithoutEndFailsItsRing) {
  Guest sender;
  Guest receiver;
  PackedGuestRing out(sender, 64, Direction::kToSwitch);
  PackedGuestRing in(receiver, 128, Direction::kToGuest, PortId(1));
  Reader reader;
  Writer writer;
  in.OfferDescriptors(std::vector<PackedDescriptor>(128, {Guest::kBase, 8, 0, Descriptor::kNext}));
  for (uint32_t i = 0; i < 3; ++i) out.Send(PatternFrame(100, i));
  ASSERT_EQ(reader.Receive(out).size(), 3u);
  writer.Transmit(in, reader, 3);
  EXPECT_EQ(in.queue().error(), RingError::kAvailTooFarAhead);
  EXPECT_EQ(writer.dropped(TransmitDrop::kPortDown), 3u);
}

// A container that marks what is used as available again, in mid-burst: it hurts itself alone.
TEST(PackedWriter, NeverTakesARingTwiceRound) {
  Guest sender;
  Guest receiver;
  PackedGuestRing out(sender, 64, Direction::kToSwitch);
  PackedGuestRing in(receiver, 8, Direction::kToGuest, PortId(1));
  Reader reader;
  Writer writer;
  for (int i = 0; i < 8; ++i) in.Post(200);
  for (uint32_t i = 0; i < 16; ++i) out.Send(PatternFrame(100, i));
  ASSERT_EQ(reader.Receive(out).size(), 16u);
  writer.Transmit(in, reader, 16);
  EXPECT_EQ(writer.tally.packets, 8u);
  EXPECT_EQ(writer.dropped(TransmitDrop::kRingFull), 8u);
  (void)RingWriter::Publish(in.queue(), in.view());
  EXPECT_EQ(in.TakeUsed().size(), 8u);
}

}  // namespace
}  // namespace weft::vhost
