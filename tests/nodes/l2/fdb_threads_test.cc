// SPDX-License-Identifier: Apache-2.0
// The forwarding database under four threads: three workers that learn and look up the same few
// addresses, and control. What must hold whatever the schedule is: no wrong port, no lost static
// entry, no entry twice, exact counts. The thread sanitizer watches the same tests.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <map>
#include <set>
#include <thread>
#include <vector>

#include "nodes/l2/fdb.h"

namespace weft::l2 {
namespace {

constexpr BridgeId kBridge(3);
constexpr int kWorkers = 3;
constexpr uint32_t kControlRounds = 1'024;
constexpr uint64_t kKeys = 24;  // addresses that all fight for

MacAddress Mac(uint64_t n) { return MacAddress::FromBits(0x0200'0000'0000 + n); }
FdbKey Key(uint64_t n) { return FdbKey(kBridge, Mac(n)); }

// Repeats `work(worker, round)` on each worker while `control(round, let_work)` runs kControlRounds
// times on this thread. let_work() returns when each worker has had a turn meanwhile, so that the
// two sides meet however they are scheduled.
template <typename Work, typename Control>
void RunThreads(Work work, Control control) {
  std::atomic<bool> stop{false};
  std::array<std::atomic<uint32_t>, kWorkers> rounds{};
  std::vector<std::thread> threads;
  for (uint16_t worker = 0; worker < kWorkers; ++worker) {
    threads.emplace_back([&, worker] {
      while (!stop.load(std::memory_order_relaxed)) {
        for (uint64_t i = 0; i < 4 * kKeys; ++i) work(worker, rounds[worker]++);
        std::this_thread::yield();  // there may be fewer cores than threads
      }
    });
  }
  const auto let_work = [&] {
    for (std::atomic<uint32_t>& done : rounds) {
      const uint32_t before = done.load();
      while (done.load() - before < 4 * kKeys) std::this_thread::yield();
    }
  };
  for (uint32_t round = 0; round < kControlRounds; ++round) control(round, let_work);
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

// Counts as the table says and as its entries say must agree, and no entry may be there twice.
void ExpectSound(const Fdb& fdb) {
  std::set<std::pair<BridgeId, MacAddress>> seen;
  std::map<PortId, uint32_t> learned;
  for (const FdbEntry& entry : fdb.Snapshot(0)) {
    EXPECT_TRUE(seen.insert({entry.bridge, entry.mac}).second) << entry.mac.ToString() << " twice";
    learned[entry.port] += !entry.is_static;
  }
  for (uint16_t port = 0; port < 16; ++port) {
    EXPECT_EQ(fdb.learned(PortId(port)), learned[PortId(port)]) << "port " << port;
  }
  EXPECT_EQ(fdb.size(), seen.size());
}

TEST(FdbThreadsTest, AnAddressOfOnePortIsNeverSeenOnAnother) {
  Fdb fdb(16, 1);  // 32 places for 24 + 4 addresses: slots are recycled all the time
  fdb.SetAgeing(kBridge, 1);
  const auto port_of = [](uint64_t n) { return PortId(static_cast<uint16_t>(n % 5)); };
  std::atomic<uint64_t> wrong{0}, full{0}, learned{0};
  uint64_t lost_statics = 0, flushed = 0;
  RunThreads(
      [&](uint16_t worker, uint32_t round) {
        const uint64_t n = (round * (worker + 1)) % kKeys;
        const LearnResult result = fdb.Learn(Key(n), port_of(n), 1'000, round / 1'000);
        full += result == LearnResult::kTableFull;
        learned += result == LearnResult::kLearned;
        wrong += result == LearnResult::kMoved || result == LearnResult::kStaticElsewhere ||
                 result == LearnResult::kPortLimit;
        const uint64_t other = (n * 7 + round) % kKeys;
        const PortId found = fdb.Lookup(Key(other));
        wrong += found.valid() && found != port_of(other);
      },
      [&](uint32_t round, auto let_work) {
        const uint64_t n = 100 + round % 4;
        if (round % 64 == 0) let_work();
        if (fdb.AddStatic(kBridge, Mac(n), PortId(9)).ok()) {
          flushed += fdb.FlushPort(PortId(static_cast<uint16_t>(round % 5)), FlushScope::kLearned);
          fdb.Age(round / 1'000);
          lost_statics += fdb.Lookup(Key(n)) != PortId(9);
          lost_statics += !fdb.RemoveStatic(kBridge, Mac(n)).ok();
        }
      });
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(lost_statics, 0u);
  EXPECT_GT(flushed, 0u);
  EXPECT_GT(learned, kKeys);
  ExpectSound(fdb);
}

TEST(FdbThreadsTest, MovesKeepEntriesUniqueAndCountsExact) {
  Fdb fdb(256, 2);
  constexpr uint32_t kLimit = 12;  // less than kKeys: limits are met all the time
  std::atomic<uint64_t> beyond{0}, moved{0}, limited{0};
  RunThreads(
      [&](uint16_t worker, uint32_t round) {
        const LearnResult result =
            fdb.Learn(Key(round * 5 % kKeys), PortId(worker), kLimit, round / 10'000);
        moved += result == LearnResult::kMoved;
        limited += result == LearnResult::kPortLimit;
        beyond += fdb.learned(PortId(worker)) > kLimit;
      },
      [&](uint32_t round, auto let_work) {
        if (round % 64 == 0) let_work();
        if (round % 8 == 0)
          fdb.FlushPort(PortId(static_cast<uint16_t>(round % 3)), FlushScope::kLearned);
        if (round % 64 == 0) fdb.FlushBridge(kBridge, FlushScope::kEverything);
      });
  EXPECT_EQ(beyond, 0u);
  EXPECT_GT(moved, 0u);
  ExpectSound(fdb);
  EXPECT_LE(fdb.size(), kKeys);
}

TEST(FdbThreadsTest, AStaticEntryStaysWhoeverLearnsTheSameAddress) {
  Fdb fdb(64, 3);
  uint64_t lost = 0;
  std::atomic<uint64_t> refused{0};
  RunThreads(
      [&](uint16_t worker, uint32_t round) {
        const LearnResult result = fdb.Learn(Key(round % kKeys), PortId(worker), 1'000, 0);
        refused += result == LearnResult::kStaticElsewhere;
      },
      [&](uint32_t round, auto let_work) {
        const uint64_t n = round % kKeys;
        if (!fdb.AddStatic(kBridge, Mac(n), PortId(9)).ok()) ++lost;
        // A worker that was inserting just then withdraws its own entry; the rest never gets there.
        while (fdb.Lookup(Key(n)) != PortId(9)) std::this_thread::yield();
        if (round % 64 == 0) let_work();
        if (!fdb.RemoveStatic(kBridge, Mac(n)).ok()) ++lost;
      });
  EXPECT_EQ(lost, 0u);
  EXPECT_GT(refused, 0u);
  ExpectSound(fdb);
}

}  // namespace
}  // namespace weft::l2
