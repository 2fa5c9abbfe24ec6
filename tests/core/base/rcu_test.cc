// SPDX-License-Identifier: Apache-2.0
#include "core/base/rcu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace weft {
namespace {

using ::testing::ElementsAre;

constexpr WorkerId kOne(0), kTwo(1);

TEST(Rcu, RunsAtOnceWhenNobodyWorks) {
  Rcu rcu;
  bool ran = false;
  rcu.Defer([&] { ran = true; });
  EXPECT_FALSE(ran) << "from Poll alone";
  EXPECT_EQ(rcu.Poll(), 0U);
  EXPECT_TRUE(ran);
}

TEST(Rcu, WaitsForEveryWorker) {
  Rcu rcu;
  rcu.Register(kOne);
  rcu.Register(kTwo);
  bool ran = false;
  rcu.Defer([&] { ran = true; });
  EXPECT_EQ(rcu.Poll(), 1U);
  rcu.Quiescent(kOne);
  rcu.Quiescent(kOne);
  EXPECT_EQ(rcu.Poll(), 1U);
  rcu.Quiescent(kTwo);
  EXPECT_EQ(rcu.Poll(), 0U);
  EXPECT_TRUE(ran);
}

TEST(Rcu, DoesNotWaitForWhoSleepsOrEnds) {
  Rcu rcu;
  rcu.Register(kOne);
  rcu.Register(kTwo);
  rcu.Defer([] {});
  rcu.Offline(kOne);
  rcu.Unregister(kTwo);
  EXPECT_EQ(rcu.Poll(), 0U);
  rcu.Online(kOne);
  rcu.Defer([] {});
  EXPECT_EQ(rcu.Poll(), 1U) << "it is awake again";
  rcu.Unregister(kOne);
  EXPECT_EQ(rcu.Poll(), 0U);
}

TEST(Rcu, KeepsTheOrderAndTakesMoreFromCallbacks) {
  Rcu rcu;
  std::vector<int> order;
  rcu.Defer([&] {
    order.push_back(1);
    rcu.Defer([&] { order.push_back(3); });
  });
  rcu.Defer([&] { order.push_back(2); });
  EXPECT_EQ(rcu.Poll(), 0U);
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

TEST(Rcu, SaysThatThereIsWorkAndDoesItAtTheEnd) {
  int calls = 0;
  bool ran = false;
  {
    Rcu rcu;
    rcu.OnDefer([&] { ++calls; });
    rcu.Defer([&] { ran = true; });
    EXPECT_EQ(calls, 1);
  }
  EXPECT_TRUE(ran);
}

TEST(Published, DestroysTheOldValueAfterQuiescence) {
  Rcu rcu;
  rcu.Register(kOne);
  const auto first = std::make_shared<int>(1);
  std::weak_ptr<int> seen = first;
  Published<std::shared_ptr<int>> published;
  EXPECT_EQ(published.Load(), nullptr);
  published.Store(rcu, std::make_unique<const std::shared_ptr<int>>(std::make_shared<int>(7)));
  const std::weak_ptr<int> old = *published.Load();
  published.Store(rcu, std::make_unique<const std::shared_ptr<int>>(first));
  EXPECT_EQ(**published.Load(), 1) << "at once for whoever loads now";
  rcu.Poll();
  EXPECT_FALSE(old.expired());
  rcu.Quiescent(kOne);
  rcu.Poll();
  EXPECT_TRUE(old.expired());
  published.Store(rcu, nullptr);
  EXPECT_EQ(published.Load(), nullptr);
  rcu.Unregister(kOne);
}

// A value that says when it is read after its end.
struct Canary {
  explicit Canary(uint64_t n) : number(n), check(~n) {}
  ~Canary() { check = number = 0; }
  Canary(const Canary&) = delete;
  Canary& operator=(const Canary&) = delete;
  uint64_t number;
  uint64_t check;
};

TEST(Published, AWorkerNeverSeesWhatIsGone) {
  Rcu rcu;
  Published<Canary> published(std::make_unique<const Canary>(0));
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> rounds{0};
  uint64_t bad = 0;
  rcu.Register(kOne);
  std::thread worker([&] {
    uint64_t last = 0;
    while (!stop.load(std::memory_order_relaxed)) {
      const Canary* const canary = published.Load();
      for (int i = 0; i < 10; ++i) {
        if (canary->number != ~canary->check || canary->number < last) ++bad;
      }
      last = canary->number;
      rcu.Quiescent(kOne);
      rounds.fetch_add(1, std::memory_order_relaxed);
    }
  });
  for (uint64_t i = 1; i <= 20'000; ++i) {
    published.Store(rcu, std::make_unique<const Canary>(i));
    rcu.Poll();
  }
  const uint64_t then = rounds;
  while (rounds < then + 2) std::this_thread::yield();
  EXPECT_EQ(rcu.Poll(), 0U);
  stop = true;
  worker.join();
  rcu.Unregister(kOne);
  EXPECT_EQ(bad, 0U);
}

}  // namespace
}  // namespace weft
