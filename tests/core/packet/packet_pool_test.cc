// SPDX-License-Identifier: Apache-2.0
#include "core/packet/packet_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace weft {
namespace {

// The heap, with a limit and a count of what is out.
class LimitedMemory final : public PacketMemory {
 public:
  explicit LimitedMemory(size_t limit, bool every_slot_back = true)
      : left(limit), every_slot_back_(every_slot_back) {}
  size_t Allocate(PacketSlot** slots, size_t count) override {
    const size_t got = heap_.Allocate(slots, std::min(count, left));
    left -= got;
    return got;
  }
  void Free(PacketSlot** slots, size_t count) override {
    heap_.Free(slots, count);
    left += count;
  }
  bool wants_every_slot_back() const override { return every_slot_back_; }

  size_t left;

 private:
  const bool every_slot_back_;
  HeapPacketMemory heap_;
};

TEST(PacketPool, GivesEachPacketOnceADispatch) {
  HeapPacketMemory heap;
  PacketPool pool(heap, 8);
  EXPECT_EQ(pool.size(), 8U);
  for (int dispatch = 0; dispatch < 3; ++dispatch) {
    std::set<Packet*> packets;
    for (size_t i = 0; i < 8; ++i) {
      EXPECT_EQ(pool.taken(), i);
      EXPECT_EQ(pool.available(), 8 - i);
      Packet* packet = pool.Take();
      ASSERT_NE(packet, nullptr);
      EXPECT_TRUE(packets.insert(packet).second);
      packet->Reset(PortId(0), packet->snapshot() + 12, 14);
    }
    EXPECT_EQ(pool.Take(), nullptr) << "used up";
    EXPECT_EQ(pool.available(), 0U);
    pool.EndDispatch();
    EXPECT_EQ(pool.taken(), 0U);
  }
}

TEST(PacketPool, RewindsToAMark) {
  HeapPacketMemory heap;
  PacketPool pool(heap, 4);
  Packet* const kept = pool.Take();
  kept->Reset(PortId(9), kept->snapshot() + 12, 14);
  const size_t mark = pool.taken();
  for (int chunk = 0; chunk < 5; ++chunk) {
    for (int i = 0; i < 3; ++i) ASSERT_NE(pool.Take(), nullptr);
    ASSERT_EQ(pool.Take(), nullptr);
    pool.RewindTo(mark);
  }
  EXPECT_EQ(pool.taken(), 1U);
  EXPECT_EQ(kept->in_port(), PortId(9)) << "what was taken before the mark stays";
}

TEST(PacketPool, SaysHowManyThereWere) {
  LimitedMemory memory(5);
  {
    PacketPool pool(memory, 8);
    EXPECT_EQ(pool.size(), 5U);
    for (int i = 0; i < 5; ++i) EXPECT_NE(pool.Take(), nullptr);
    EXPECT_EQ(pool.Take(), nullptr);
    EXPECT_EQ(memory.left, 0U);
    pool.EndDispatch();
    EXPECT_EQ(pool.available(), 5U);
  }
  EXPECT_EQ(memory.left, 5U) << "all of it is given back";
}

TEST(PacketPool, ShrinksWhenSlotsDoNotComeBack) {
  LimitedMemory memory(6);
  PacketPool pool(memory, 6);
  Packet* const kept = pool.Take();
  const size_t mark = pool.taken();
  for (int i = 0; i < 4; ++i) pool.Take();
  // Somebody else takes three of the four that are freed before they can be allocated again.
  memory.left = static_cast<size_t>(-3);
  pool.RewindTo(mark);
  memory.left = 0;
  EXPECT_EQ(pool.size(), 3U);
  EXPECT_EQ(pool.taken(), 1U);
  EXPECT_EQ(pool.available(), 2U);
  EXPECT_NE(pool.Take(), nullptr);
  Packet* const last = pool.Take();
  EXPECT_NE(last, nullptr);
  EXPECT_NE(last, kept);
  EXPECT_EQ(pool.Take(), nullptr);
}

TEST(PacketPool, KeepsItsSlotsWhenMemoryDoesNotAsk) {
  LimitedMemory memory(2, false);
  PacketPool pool(memory, 2);
  Packet* const first = pool.Take();
  pool.EndDispatch();
  EXPECT_EQ(pool.Take(), first) << "the warm one again";
}

}  // namespace
}  // namespace weft
