// SPDX-License-Identifier: Apache-2.0
// The forwarding database, one rule a test, on a simulated clock (time is a number).
#include "nodes/l2/fdb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace weft::l2 {
namespace {

constexpr uint64_t kSeed = 12345;
constexpr uint32_t kNoLimit = 1'000'000;
constexpr BridgeId kBlue(0), kRed(7);
constexpr PortId kP1(1), kP2(2), kP3(3);

constexpr MacAddress Mac(uint64_t n) { return MacAddress::FromBits(0x0200'0000'0000 + n); }
FdbKey Blue(uint64_t n) { return FdbKey(kBlue, Mac(n)); }
FdbKey Red(uint64_t n) { return FdbKey(kRed, Mac(n)); }

// The smallest table: two buckets, eight places, and each key may be in any of them.
constexpr size_t kTiny = 1;
constexpr size_t kTinyPlaces = 8;

TEST(FdbKeyTest, HoldsBridgeAndAddress) {
  const MacAddress mac = *MacAddress::Parse("02:11:22:33:44:55");
  const FdbKey key(kRed, mac);
  EXPECT_EQ(key.bridge(), kRed);
  EXPECT_EQ(key.mac(), mac);
  EXPECT_FALSE(key.is_group());
  EXPECT_FALSE(key.is_zero());
  EXPECT_TRUE(FdbKey(kRed, *MacAddress::Parse("01:00:00:00:00:00")).is_group());
  EXPECT_TRUE(FdbKey(kRed, MacAddress()).is_zero());
  EXPECT_NE(key, FdbKey(kBlue, mac));
}

TEST(FdbTest, LearnsAndFindsPerBridge) {
  Fdb fdb(100, kSeed);
  EXPECT_FALSE(fdb.Lookup(Blue(1)).valid());
  EXPECT_EQ(fdb.Learn(Blue(1), kP1, kNoLimit, 10), LearnResult::kLearned);
  EXPECT_EQ(fdb.Lookup(Blue(1)), kP1);
  EXPECT_FALSE(fdb.Lookup(Red(1)).valid());  // the same address in another bridge is another key
  EXPECT_EQ(fdb.Learn(Red(1), kP2, kNoLimit, 10), LearnResult::kLearned);
  EXPECT_EQ(fdb.Lookup(Blue(1)), kP1);
  EXPECT_EQ(fdb.Lookup(Red(1)), kP2);
  EXPECT_EQ(fdb.size(), 2u);
}

TEST(FdbTest, AddressesThatAreNeverStoredAreNeverFound) {
  Fdb fdb(kTiny, kSeed);
  EXPECT_FALSE(fdb.Lookup(FdbKey(BridgeId(0), MacAddress())).valid());  // the word of an empty slot
  EXPECT_FALSE(fdb.Lookup(FdbKey(BridgeId(0xffff), MacAddress())).valid());  // ... of a busy one
  EXPECT_FALSE(fdb.Lookup(FdbKey(kBlue, MacAddress::FromBits(0xffff'ffff'ffff))).valid());
}

TEST(FdbTest, WritesAtMostOnceASecond) {
  Fdb fdb(100, kSeed);
  fdb.Learn(Blue(1), kP1, kNoLimit, 10);
  EXPECT_EQ(fdb.Learn(Blue(1), kP1, kNoLimit, 10), LearnResult::kKnown);
  EXPECT_EQ(fdb.Learn(Blue(1), kP1, kNoLimit, 9), LearnResult::kKnown);  // a clock that is behind
  EXPECT_EQ(fdb.Learn(Blue(1), kP1, kNoLimit, 11), LearnResult::kRefreshed);
  EXPECT_EQ(fdb.Learn(Blue(1), kP1, kNoLimit, 11), LearnResult::kKnown);
}

TEST(FdbTest, MovesALearnedAddressWithItsCount) {
  Fdb fdb(100, kSeed);
  fdb.Learn(Blue(1), kP1, kNoLimit, 10);
  EXPECT_EQ(fdb.Learn(Blue(1), kP2, kNoLimit, 10), LearnResult::kMoved);
  ASSERT_TRUE(fdb.last_move(kP1));
  EXPECT_EQ(fdb.last_move(kP1)->mac, Blue(1).mac());
  EXPECT_EQ(fdb.last_move(kP1)->to, kP2);
  EXPECT_EQ(fdb.moves(kP1), 1u);
  EXPECT_FALSE(fdb.last_move(kP2));
  EXPECT_EQ(fdb.moves(kP2), 0u);
  fdb.ForgetMoves(kP1);
  EXPECT_FALSE(fdb.last_move(kP1));
  EXPECT_EQ(fdb.moves(kP1), 1u);
  EXPECT_EQ(fdb.Lookup(Blue(1)), kP2);
  EXPECT_EQ(fdb.learned(kP1), 0u);
  EXPECT_EQ(fdb.learned(kP2), 1u);
  EXPECT_EQ(fdb.size(), 1u);
}

TEST(FdbTest, LimitsWhatAPortLearns) {
  Fdb fdb(100, kSeed);
  EXPECT_EQ(fdb.Learn(Blue(1), kP1, 2, 0), LearnResult::kLearned);
  EXPECT_EQ(fdb.Learn(Blue(2), kP1, 2, 0), LearnResult::kLearned);
  EXPECT_EQ(fdb.Learn(Blue(3), kP1, 2, 0), LearnResult::kPortLimit);
  EXPECT_FALSE(fdb.Lookup(Blue(3)).valid());
  EXPECT_EQ(fdb.Learn(Blue(1), kP1, 2, 5), LearnResult::kRefreshed);  // what it has, it keeps
  EXPECT_EQ(fdb.Learn(Blue(3), kP2, 1, 5), LearnResult::kLearned);
  EXPECT_EQ(fdb.Learn(Blue(1), kP2, 1, 5), LearnResult::kPortLimit);  // a move needs room too
  EXPECT_EQ(fdb.Lookup(Blue(1)), kP1);
  EXPECT_EQ(fdb.Learn(Blue(9), kP3, 0, 5), LearnResult::kPortLimit);  // 0: learns nothing
  EXPECT_EQ(fdb.FlushPort(kP1, FlushScope::kLearned), 2u);
  EXPECT_EQ(fdb.Learn(Blue(4), kP1, 1, 5), LearnResult::kLearned);  // a flush makes room
}

TEST(FdbTest, SaysWhenItIsFull) {
  Fdb fdb(kTiny, kSeed);
  ASSERT_EQ(fdb.places(), kTinyPlaces);
  for (uint64_t i = 0; i < kTinyPlaces; ++i) {
    EXPECT_EQ(fdb.Learn(Blue(i), kP1, kNoLimit, 0), LearnResult::kLearned);
  }
  EXPECT_EQ(fdb.Learn(Blue(100), kP1, kNoLimit, 0), LearnResult::kTableFull);
  EXPECT_EQ(fdb.learned(kP1), kTinyPlaces);
  EXPECT_EQ(fdb.Learn(Blue(3), kP2, kNoLimit, 0), LearnResult::kMoved);  // needs no place
  EXPECT_EQ(fdb.FlushPort(kP2, FlushScope::kLearned), 1u);
  EXPECT_EQ(fdb.Learn(Blue(100), kP1, kNoLimit, 0), LearnResult::kLearned);
}

TEST(FdbTest, HoldsItsCapacity) {
  // Addresses that count up in the last octets, in the middle ones, and in strides.
  for (const uint64_t stride : {uint64_t{1}, uint64_t{1} << 16, uint64_t{7919}}) {
    for (const size_t capacity : {256u, 4'096u, 65'536u}) {
      Fdb fdb(capacity, kSeed);
      size_t refused = 0;
      for (uint64_t i = 0; i < capacity; ++i) {
        refused += fdb.Learn(Blue(i * stride), kP1, kNoLimit, 0) == LearnResult::kTableFull;
        if (i == capacity / 2) {
          EXPECT_EQ(refused, 0u) << capacity << " half full, by " << stride;
        }
      }
      EXPECT_LE(refused, capacity / 4'000) << "of " << capacity << ", by " << stride;
      EXPECT_EQ(fdb.size(), capacity - refused);
    }
  }
}

// What a dry run says before, and what then happens, in a table so small that all of it happens.
TEST(FdbTest, SaysWhatItWouldLearnAndLearnsNothing) {
  Fdb fdb(kTiny, kSeed);
  ASSERT_TRUE(fdb.AddStatic(kBlue, Mac(1), kP1).ok());
  std::set<LearnResult> seen;
  uint64_t random = kSeed;
  for (Seconds now = 10; now < 210; ++now) {
    random = random * 6364136223846793005 + 1442695040888963407;
    const FdbKey key = Blue(1 + (random >> 33) % 12);
    const PortId port = (random >> 50) % 2 == 0 ? kP1 : kP2;
    const uint32_t limit = port == kP1 ? 3 : kNoLimit;
    const Seconds when = now / 2;
    const std::vector<FdbEntry> before = fdb.Snapshot(when);
    const LearnResult would = fdb.WouldLearn(key, port, limit, when);
    const std::vector<FdbEntry> after = fdb.Snapshot(when);
    ASSERT_EQ(after.size(), before.size());
    for (size_t i = 0; i < before.size(); ++i) {
      EXPECT_EQ(after[i].mac, before[i].mac);
      EXPECT_EQ(after[i].port, before[i].port);
      EXPECT_EQ(after[i].age, before[i].age);
    }
    EXPECT_EQ(fdb.Learn(key, port, limit, when), would);
    seen.insert(would);
  }
  EXPECT_EQ(seen.size(), 7U) << "every result";
}

TEST(FdbTest, StaticEntriesWin) {
  Fdb fdb(100, kSeed);
  ASSERT_TRUE(fdb.AddStatic(kBlue, Mac(1), kP1).ok());
  EXPECT_EQ(fdb.Lookup(Blue(1)), kP1);
  EXPECT_EQ(fdb.Learn(Blue(1), kP2, kNoLimit, 50), LearnResult::kStaticElsewhere);
  EXPECT_EQ(fdb.Learn(Blue(1), kP1, 0, 50), LearnResult::kKnown);  // and need no room in the limit
  EXPECT_EQ(fdb.Check(Blue(1), kP2), LearnResult::kStaticElsewhere);
  EXPECT_EQ(fdb.Check(Blue(1), kP1), LearnResult::kKnown);
  EXPECT_EQ(fdb.Check(Blue(2), kP2), LearnResult::kKnown);
  EXPECT_EQ(fdb.Lookup(Blue(1)), kP1);
  EXPECT_EQ(fdb.learned(kP1), 0u);
}

TEST(FdbTest, ALearnedEntryBecomesStatic) {
  Fdb fdb(100, kSeed);
  fdb.Learn(Blue(1), kP2, kNoLimit, 0);
  ASSERT_TRUE(fdb.AddStatic(kBlue, Mac(1), kP1).ok());
  EXPECT_EQ(fdb.Lookup(Blue(1)), kP1);
  EXPECT_EQ(fdb.learned(kP2), 0u);
  EXPECT_EQ(fdb.size(), 1u);
}

TEST(FdbTest, RefusesImpossibleStatics) {
  Fdb fdb(100, kSeed);
  EXPECT_EQ(fdb.AddStatic(kBlue, MacAddress(), kP1).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(fdb.AddStatic(kBlue, *MacAddress::Parse("03:00:00:00:00:01"), kP1).code(),
            absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(fdb.AddStatic(kBlue, Mac(1), kP1).ok());
  EXPECT_TRUE(fdb.AddStatic(kBlue, Mac(1), kP1).ok());  // twice is once
  EXPECT_EQ(fdb.AddStatic(kBlue, Mac(1), kP2).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(fdb.size(), 1u);
  EXPECT_TRUE(fdb.RemoveStatic(kBlue, Mac(1)).ok());
  EXPECT_EQ(fdb.RemoveStatic(kBlue, Mac(1)).code(), absl::StatusCode::kNotFound);
  fdb.Learn(Blue(1), kP1, kNoLimit, 0);
  EXPECT_EQ(fdb.RemoveStatic(kBlue, Mac(1)).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(fdb.size(), 1u);
}

TEST(FdbTest, AStaticEntryDisplacesALearnedOne) {
  Fdb fdb(kTiny, kSeed);
  for (uint64_t i = 0; i < kTinyPlaces; ++i) fdb.Learn(Blue(i), kP1, kNoLimit, 0);
  for (uint64_t i = 0; i < kTinyPlaces; ++i) {
    EXPECT_TRUE(fdb.AddStatic(kBlue, Mac(100 + i), kP2).ok());
    EXPECT_EQ(fdb.learned(kP1), kTinyPlaces - 1 - i);
  }
  const absl::Status full = fdb.AddStatic(kBlue, Mac(200), kP2);
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(full.message()), testing::HasSubstr("make it larger"));
  EXPECT_EQ(fdb.Learn(Blue(1), kP1, kNoLimit, 0), LearnResult::kTableFull);
}

TEST(FdbTest, AgesPerBridge) {
  Fdb fdb(100, kSeed);
  fdb.SetAgeing(kBlue, 30);  // red: never
  fdb.Learn(Blue(1), kP1, kNoLimit, 100);
  fdb.Learn(Blue(2), kP1, kNoLimit, 100);
  fdb.Learn(Red(1), kP1, kNoLimit, 100);
  ASSERT_TRUE(fdb.AddStatic(kBlue, Mac(3), kP1).ok());
  EXPECT_EQ(fdb.Age(129), 0u);
  fdb.Learn(Blue(2), kP1, kNoLimit, 129);
  EXPECT_EQ(fdb.Age(130), 1u);
  EXPECT_FALSE(fdb.Lookup(Blue(1)).valid());
  EXPECT_EQ(fdb.Lookup(Blue(2)), kP1);
  EXPECT_EQ(fdb.Age(1'000'000), 1u);
  EXPECT_EQ(fdb.Lookup(Red(1)), kP1);
  EXPECT_EQ(fdb.Lookup(Blue(3)), kP1);
  EXPECT_EQ(fdb.learned(kP1), 1u);
}

TEST(FdbTest, AgeingIsNotFooledByAWorkerAheadOfControl) {
  Fdb fdb(100, kSeed);
  fdb.SetAgeing(kBlue, 1);
  fdb.Learn(Blue(1), kP1, kNoLimit, 101);
  EXPECT_EQ(fdb.Age(100), 0u);
  EXPECT_EQ(fdb.Age(101), 0u);
  EXPECT_EQ(fdb.Age(102), 1u);
}

TEST(FdbTest, AgesALargeTableInSlices) {
  Fdb fdb(40'000, kSeed);
  const size_t slices = fdb.age_slices();
  ASSERT_EQ(slices, fdb.places() / 4 / Fdb::kAgeSlice);
  ASSERT_GT(slices, 1u);
  fdb.SetAgeing(kBlue, 10);
  for (uint64_t i = 0; i < 40'000; ++i) fdb.Learn(Blue(i), kP1, kNoLimit, 0);
  const size_t before = fdb.size();
  size_t removed = 0;
  for (size_t i = 0; i < slices; ++i) {
    const size_t in_slice = fdb.Age(10);
    EXPECT_LE(in_slice, Fdb::kAgeSlice * 4);
    EXPECT_GT(in_slice, 0u);
    removed += in_slice;
  }
  EXPECT_EQ(removed, before);
  EXPECT_EQ(fdb.size(), 0u);
}

TEST(FdbTest, FlushesPortsAndBridges) {
  Fdb fdb(100, kSeed);
  const auto fill = [&] {
    for (uint64_t i = 0; i < 10; ++i) {
      fdb.Learn(Blue(i), kP1, kNoLimit, 0);
      fdb.Learn(Red(i), kP2, kNoLimit, 0);
      fdb.Learn(Blue(20 + i), kP3, kNoLimit, 0);
    }
    ASSERT_TRUE(fdb.AddStatic(kBlue, Mac(50), kP1).ok());
    ASSERT_EQ(fdb.size(), 31u);
  };
  fill();
  EXPECT_EQ(fdb.FlushPort(kP1, FlushScope::kLearned), 10u);
  EXPECT_EQ(fdb.FlushPort(kP1, FlushScope::kLearned), 0u);
  EXPECT_EQ(fdb.Lookup(Blue(50)), kP1);
  EXPECT_EQ(fdb.Lookup(Blue(20)), kP3);
  EXPECT_EQ(fdb.FlushPort(kP1, FlushScope::kEverything), 1u);
  EXPECT_EQ(fdb.size(), 20u);
  fill();
  EXPECT_EQ(fdb.FlushBridge(kBlue, FlushScope::kLearned), 20u);
  EXPECT_EQ(fdb.FlushBridge(kBlue, FlushScope::kEverything), 1u);
  EXPECT_EQ(fdb.FlushBridge(kBlue, FlushScope::kEverything), 0u);
  EXPECT_EQ(fdb.size(), 10u);
  EXPECT_EQ(fdb.Lookup(Red(9)), kP2);
}

TEST(FdbTest, SnapshotShowsEveryEntryOnce) {
  Fdb fdb(100, kSeed);
  fdb.Learn(Blue(1), kP1, kNoLimit, 10);
  fdb.Learn(Red(1), kP2, kNoLimit, 15);
  ASSERT_TRUE(fdb.AddStatic(kRed, Mac(2), kP3).ok());
  const std::vector<FdbEntry> entries = fdb.Snapshot(20);
  const auto is = [](BridgeId bridge, MacAddress mac, PortId port, bool is_static, Seconds age) {
    return testing::AllOf(
        testing::Field(&FdbEntry::bridge, bridge), testing::Field(&FdbEntry::mac, mac),
        testing::Field(&FdbEntry::port, port), testing::Field(&FdbEntry::is_static, is_static),
        testing::Field(&FdbEntry::age, age));
  };
  EXPECT_THAT(entries, testing::UnorderedElementsAre(is(kBlue, Mac(1), kP1, false, 10),
                                                     is(kRed, Mac(1), kP2, false, 5),
                                                     is(kRed, Mac(2), kP3, true, 0)));
}

}  // namespace
}  // namespace weft::l2
