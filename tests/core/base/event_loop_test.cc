// SPDX-License-Identifier: Apache-2.0
#include "core/base/event_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace weft {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;

UniqueFd Ready() { return UniqueFd(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)); }

TEST(EventLoop, CallsAfterEachRound) {
  EventLoop loop;
  std::string order;
  loop.AfterRound([&] { order += "after "; });
  loop.Post([&] { order += "posted "; });
  loop.RunOnce(Time::zero());
  loop.RunOnce(Time::zero());
  EXPECT_EQ(order, "posted after after ");
}

TEST(EventLoop, GoesByTheClockThatItIsGiven) {
  SimulatedClock clock;
  EventLoop loop(clock);
  EXPECT_EQ(loop.NextTimer(), std::nullopt);
  std::string order;
  loop.After(milliseconds(20), [&] { order += "once "; });
  const EventLoop::TimerId every = loop.Every(milliseconds(15), [&] { order += "every "; });
  EXPECT_EQ(loop.NextTimer(), clock.Now() + milliseconds(15));
  loop.RunOnce(Time::zero());
  EXPECT_EQ(order, "") << "time stands still";
  clock.Advance(milliseconds(15));
  loop.RunOnce(Time::zero());
  EXPECT_EQ(order, "every ");
  clock.Advance(milliseconds(5));
  loop.RunOnce(Time::zero());
  EXPECT_EQ(order, "every once ");
  EXPECT_EQ(loop.NextTimer(), clock.Now() + milliseconds(10));
  loop.Cancel(every);
  EXPECT_EQ(loop.NextTimer(), std::nullopt);
}

TEST(EventLoop, CallsForWhatIsReadyUntilItIsUnwatched) {
  EventLoop loop;
  const UniqueFd fd = Ready();
  int calls = 0;
  loop.Watch(fd.get(), EPOLLIN, [&](uint32_t events) {
    EXPECT_NE(events & EPOLLIN, 0U);
    ++calls;
  });
  loop.RunOnce(Time::zero());
  loop.RunOnce(Time::zero());
  EXPECT_EQ(calls, 2) << "level-triggered";
  loop.Rewatch(fd.get(), 0);
  loop.RunOnce(Time::zero());
  EXPECT_EQ(calls, 2) << "paused";
  loop.Rewatch(fd.get(), EPOLLIN);
  loop.RunOnce(Time::zero());
  EXPECT_EQ(calls, 3);
  loop.Unwatch(fd.get());
  loop.RunOnce(Time::zero());
  EXPECT_EQ(calls, 3);
}

TEST(EventLoop, ACallbackMayUnwatchItselfAndOthersOfTheSameRound) {
  EventLoop loop;
  const UniqueFd a = Ready();
  const UniqueFd b = Ready();
  int calls = 0;
  const auto unwatch_both = [&](uint32_t) {
    ++calls;
    loop.Unwatch(a.get());
    loop.Unwatch(b.get());
  };
  loop.Watch(a.get(), EPOLLIN, unwatch_both);
  loop.Watch(b.get(), EPOLLIN, unwatch_both);
  loop.RunOnce(Time::zero());
  loop.RunOnce(Time::zero());
  EXPECT_EQ(calls, 1);
}

// What a process prints and how it ends when it makes a loop with `descriptors` left.
void MakeLoopWith(rlim_t descriptors, bool signals) {
  int next = 0;
  for (int i = 0; i < 64; ++i) next = dup(0);  // no number below is free then
  close(next);
  const rlim_t limit = static_cast<rlim_t>(next) + descriptors;
  const rlimit few{.rlim_cur = limit, .rlim_max = limit};
  setrlimit(RLIMIT_NOFILE, &few);
  EventLoop loop;
  if (signals) loop.OnSignal(SIGUSR2, [] {});
  std::exit(0);
}

TEST(EventLoopDeathTest, IsNotMadeWithoutItsDescriptors) {
  for (const rlim_t descriptors : {0, 1}) {
    EXPECT_EXIT(MakeLoopWith(descriptors, false), ::testing::ExitedWithCode(1),
                "weft: cannot make an event loop: Too many open files");
  }
}

TEST(EventLoopDeathTest, ReceivesNoSignalsWithoutADescriptor) {
#if defined(WEFT_SANITIZED)
  GTEST_SKIP() << "the check of vtables needs descriptors of its own";
#endif
  EXPECT_EXIT(MakeLoopWith(2, true), ::testing::ExitedWithCode(1),
              "weft: cannot receive signals: Too many open files");
  EXPECT_EXIT(MakeLoopWith(3, true), ::testing::ExitedWithCode(0), "");
}

TEST(EventLoop, ADescriptorWithAnOldNumberIsNotMistaken) {
  EventLoop loop;
  UniqueFd a = Ready();
  UniqueFd b = Ready();
  std::vector<int> calls;
  UniqueFd again;
  // Whichever comes first closes the other, whose number goes to a descriptor that is not ready.
  const auto replace = [&](UniqueFd& other) {
    calls.push_back(1);
    if (!other.valid()) return;
    loop.Unwatch(other.get());
    other.reset();
    again = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    loop.Watch(again.get(), EPOLLIN, [&](uint32_t) { calls.push_back(2); });
  };
  loop.Watch(a.get(), EPOLLIN, [&](uint32_t) { replace(b); });
  loop.Watch(b.get(), EPOLLIN, [&](uint32_t) { replace(a); });
  loop.RunOnce(Time::zero());
  EXPECT_THAT(calls, ElementsAre(1));
}

TEST(EventLoop, TimersComeOnceOrAgainAndCanBeCancelled) {
  EventLoop loop;
  int once = 0;
  int often = 0;
  int never = 0;
  loop.After(Time::zero(), [&] { ++once; });
  EventLoop::TimerId every = 0;
  every = loop.Every(Time(1), [&] {
    if (++often == 3) loop.Cancel(every);
  });
  const EventLoop::TimerId cancelled = loop.After(Time::zero(), [&] { ++never; });
  loop.Cancel(cancelled);
  loop.Cancel(0);
  for (int i = 0; i < 10; ++i) loop.RunOnce(milliseconds(5));
  EXPECT_EQ(once, 1);
  EXPECT_EQ(often, 3);
  EXPECT_EQ(never, 0);
}

TEST(EventLoop, ATimerMayCancelOneOfTheSameRound) {
  EventLoop loop;
  int calls = 0;
  EventLoop::TimerId second = 0;
  loop.After(Time::zero(), [&] { loop.Cancel(second); });
  second = loop.After(Time::zero(), [&] { ++calls; });
  for (int i = 0; i < 3; ++i) loop.RunOnce(milliseconds(2));
  EXPECT_EQ(calls, 0);
}

TEST(EventLoop, RunsPostedWorkOfOtherThreadsUntilItStops) {
  EventLoop loop;
  std::vector<int> order;
  std::thread other([&] {
    for (int i = 0; i < 3; ++i) loop.Post([&order, i] { order.push_back(i); });
    loop.Post([&] { loop.Stop(); });
  });
  loop.Run();
  other.join();
  EXPECT_THAT(order, ElementsAre(0, 1, 2));
}

TEST(EventLoop, PostedWorkMayPostMore) {
  EventLoop loop;
  int rounds = 0;
  std::function<void()> again = [&] {
    if (++rounds == 3) {
      loop.Stop();
    } else {
      loop.Post(again);
    }
  };
  loop.Post(again);
  loop.Run();
  EXPECT_EQ(rounds, 3);
}

TEST(EventLoop, AStopBeforeRunIsNotForgotten) {
  EventLoop loop;
  loop.Post([&] { loop.Stop(); });  // a signal that comes while things start, for example
  loop.RunOnce(Time::zero());
  loop.Run();  // or it hangs
  bool ran = false;
  loop.Post([&] {
    ran = true;
    loop.Stop();
  });
  loop.Run();
  EXPECT_TRUE(ran) << "and it counts once";
}

TEST(EventLoop, HandsOverSignals) {
  EventLoop loop;
  int calls = 0;
  loop.OnSignal(SIGUSR1, [&] { ++calls; });
  raise(SIGUSR1);
  EXPECT_EQ(calls, 0);
  loop.RunOnce(milliseconds(100));
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace weft
