// SPDX-License-Identifier: Apache-2.0
// Every lie that a container can tell in a descriptor gets its name, costs one frame and no more.
#include <gtest/gtest.h>

#include <functional>

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

// One lie: offers a chain that is bad in the named way.
struct Lie {
  const char* name;
  ReceiveDrop reason;
  std::function<void(Guest&, GuestRing&)> offer;
};

void OfferOne(GuestRing& ring, Descriptor descriptor) {
  const uint16_t head = ring.NextDescriptor();
  ring.Write(head, descriptor);
  ring.Offer(head);
}

// A chain of `count` descriptors with 8 good bytes each, whose last one is `last`.
void OfferChain(Guest& guest, GuestRing& ring, size_t count, Descriptor last) {
  std::vector<std::pair<uint64_t, uint32_t>> pieces(count, {guest.Put(Bytes(8)), 8});
  const uint16_t head = ring.MakeChain(pieces);
  ring.Write(static_cast<uint16_t>(head + count - 1), last);
  ring.Offer(head);
}

void OfferTable(Guest& guest, GuestRing& ring, std::vector<Descriptor> entries, uint32_t length,
                uint16_t flags = Descriptor::kIndirect) {
  const uint64_t table = guest.Allocate(sizeof(Descriptor) * entries.size(), 16);
  std::memcpy(guest.At(table), entries.data(), sizeof(Descriptor) * entries.size());
  OfferOne(ring, {table, length, flags, 0});
}

std::vector<Lie> Lies() {
  using D = Descriptor;
  using R = ReceiveDrop;
  const auto one = [](Descriptor d) { return [d](Guest&, GuestRing& ring) { OfferOne(ring, d); }; };
  const auto good = [](Guest& guest) { return guest.Put(Bytes(200)); };
  const auto table = [](const std::vector<D>& entries, uint32_t length,
                        uint16_t flags = D::kIndirect) {
    return [=](Guest& guest, GuestRing& ring) { OfferTable(guest, ring, entries, length, flags); };
  };
  const auto entry = [](uint16_t flags, uint16_t next = 0) {
    return D{Guest::kBase, 100, flags, next};
  };
  const auto offload = [](VirtioNetHeader header) {
    return [header](Guest&, GuestRing& ring) {
      ring.Send(PatternFrame(200), {}, Layout::kDirect, header);
    };
  };
  return {
      {"empty chain", R::kRunt, one({Guest::kBase, 0, 0, 0})},
      {"header alone", R::kRunt, one({Guest::kBase, 12, 0, 0})},
      {"part of a header", R::kRunt, one({Guest::kBase, 7, 0, 0})},
      {"13 bytes", R::kRunt, one({Guest::kBase, 25, 0, 0})},
      {"13 bytes in two pieces", R::kRunt,
       [](Guest&, GuestRing& ring) { ring.Send(Bytes(13), {{12}}); }},
      {"9217 bytes", R::kTooLong, one({Guest::kBase, 12 + 9217, 0, 0})},
      {"9217 bytes in pieces", R::kTooLong,
       [](Guest&, GuestRing& ring) {
         ring.Send(Bytes(9217), {{12, 4000}});
       }},
      {"4 GiB - 1", R::kTooLong, one({Guest::kBase, 0xffffffff, 0, 0})},
      {"lengths that wrap 32 bits", R::kTooLong,
       [](Guest&, GuestRing& ring) {
         ring.Offer(ring.MakeChain({{{Guest::kBase, 200}, {Guest::kBase, 0xffffffff}}}));
       }},
      {"writable", R::kBadDirection, one({Guest::kBase, 100, D::kWrite, 0})},
      {"writable at the end", R::kBadDirection,
       [=](Guest& guest, GuestRing& ring) {
         OfferChain(guest, ring, 3, {good(guest), 100, D::kWrite, 0});
       }},
      {"writable in a table", R::kBadDirection, table({entry(D::kWrite)}, 16)},
      {"next is the table's size", R::kBadNext, one({Guest::kBase, 100, D::kNext, 256})},
      {"next is 65535", R::kBadNext, one({Guest::kBase, 100, D::kNext, 0xffff})},
      {"next outside of an indirect table", R::kBadNext, table({entry(D::kNext, 1)}, 16)},
      {"next is itself", R::kChainLoop,
       [=](Guest& guest, GuestRing& ring) {
         const uint16_t head = ring.NextDescriptor();
         ring.Write(head, {good(guest), 10, D::kNext, head});
         ring.Offer(head);
       }},
      {"loop of empty descriptors", R::kChainLoop,
       [=](Guest& guest, GuestRing& ring) {
         const uint16_t head = ring.NextDescriptor();
         const uint16_t second = ring.NextDescriptor();
         ring.Write(head, {good(guest), 0, D::kNext, second});
         ring.Write(second, {good(guest), 0, D::kNext, head});
         ring.Offer(head);
       }},
      {"loop in a table", R::kChainLoop, table({entry(D::kNext, 0)}, 16)},
      {"65 descriptors", R::kChainTooLong,
       [=](Guest& guest, GuestRing& ring) {
         OfferChain(guest, ring, 65, {good(guest), 8, 0, 0});
       }},
      {"table not at the head", R::kBadIndirect,
       [=](Guest& guest, GuestRing& ring) {
         OfferChain(guest, ring, 2, {good(guest), 16, D::kIndirect, 0});
       }},
      {"table in a table", R::kBadIndirect, table({entry(D::kIndirect)}, 16)},
      {"table with NEXT", R::kBadIndirect, table({entry(0)}, 16, D::kIndirect | D::kNext)},
      {"table of 0 bytes", R::kBadIndirect, table({entry(0)}, 0)},
      {"table of 17 bytes", R::kBadIndirect, table({entry(0), entry(0)}, 17)},
      {"table of 65 entries", R::kBadIndirect, table(std::vector<D>(65, entry(0)), 65 * 16)},
      {"table of 4 GiB", R::kBadIndirect, table({entry(0)}, 0xfffffff0)},
      {"table outside", R::kUnmapped, one({0x1000, 32, D::kIndirect, 0})},
      {"table half outside", R::kUnmapped,
       [](Guest& guest, GuestRing& ring) {
         OfferOne(ring, {guest.end() - 16, 32, D::kIndirect, 0});
       }},
      {"address 0", R::kUnmapped, one({0, 100, 0, 0})},
      {"below the region", R::kUnmapped, one({Guest::kBase - 1, 100, 0, 0})},
      {"address that wraps", R::kUnmapped, one({~uint64_t{0} - 10, 100, 0, 0})},
      {"one byte outside", R::kUnmapped,
       [](Guest& guest, GuestRing& ring) {
         OfferOne(ring, {guest.end() - 99, 100, 0, 0});
       }},
      {"second piece outside", R::kUnmapped,
       [](Guest& guest, GuestRing& ring) {
         OfferChain(guest, ring, 2, {guest.end(), 100, 0, 0});
       }},
      {"outside, in a table", R::kUnmapped, table({{0, 100, 0, 0}}, 16)},
      {"needs a checksum", R::kBadOffload, offload({.flags = 1})},
      {"data valid", R::kBadOffload, offload({.flags = 2})},
      {"TCP segmentation", R::kBadOffload, offload({.gso_type = 1, .gso_size = 1448})},
      {"no such segmentation", R::kBadOffload, offload({.gso_type = 0xff})},
      {"segmentation in a split header", R::kBadOffload,
       [](Guest&, GuestRing& ring) {
         ring.Send(PatternFrame(200), {{1, 1}}, Layout::kDirect, {.gso_type = 4});
       }},
  };
}

TEST(RingReader, NamesEveryLieAndTakesTheNextFrame) {
  for (const Lie& lie : Lies()) {
    SCOPED_TRACE(lie.name);
    Guest guest;
    GuestRing ring(guest, 256, Direction::kToSwitch);
    Reader reader;
    const Bytes before = PatternFrame(300, 1);
    const Bytes after = PatternFrame(80, 2);
    ring.Send(before);
    lie.offer(guest, ring);
    ring.Send(after);
    EXPECT_EQ(reader.Receive(ring), (std::vector<Bytes>{before, after}));
    EXPECT_EQ(reader.dropped(lie.reason), 1u);
    EXPECT_EQ(reader.tally.dropped, 1u);
    EXPECT_EQ(reader.pool.taken(), 2u) << "a bad frame holds no packet";
    EXPECT_EQ(ring.queue().error(), RingError::kNone);
    EXPECT_FALSE(reader.Finish(ring));
    EXPECT_EQ(ring.TakeUsed().size(), 3u) << "its descriptor comes back";
  }
}

}  // namespace
}  // namespace weft::vhost
