// SPDX-License-Identifier: Apache-2.0
// Every lie that a packed ring's descriptors can tell, and what becomes of its frame and of its
// ring.
#include <gtest/gtest.h>

#include <vector>

#include "nodes/vhost/ring.h"
#include "tests/nodes/vhost/ring_fixture.h"

namespace weft::vhost {
namespace {

using testing::Bytes;
using testing::Guest;
using testing::kMtu;
using testing::PackedGuestRing;
using testing::PatternFrame;
using testing::Reader;
using testing::Writer;

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
