// SPDX-License-Identifier: Apache-2.0
// A worker that sleeps until somebody wakes it, for ever if nobody does: a wake-up that is lost is
// a test that does not end. The whole switch, and containers that kick when they are asked to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <stdlib.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nodes/builtin.h"
#include "tests/support/container.h"
#include "tests/support/switch_harness.h"

namespace weft::testing {
namespace {

using ::testing::ElementsAre;
using vhost::testing::Container;

constexpr Time kForEver = std::chrono::hours(24);

// With EVENT_IDX and without: the two ways to ask for a kick (virtio 1.2 §2.7.10).
class Sleep : public ::testing::TestWithParam<bool> {
 protected:
  // Ports port-0, port-1, ... in one bridge; the first of them have containers.
  void Start(uint16_t ports, uint16_t containers, std::string_view workers) {
    ASSERT_EQ(harness_.AddModules(BuiltinModules()), "");
    std::string text(workers);
    for (uint16_t i = 0; i < ports; ++i) {
      Append(text, "[[port]]\nname = \"port-", i, "\"\nmac = \"02:00:00:00:00:1", i,
             "\"\nvhost = {}\n");
    }
    ASSERT_EQ(harness_.Start(text, 1, kForEver), "");
    for (uint16_t i = 0; i < containers; ++i) {
      Add();
      Attach(i);
    }
  }
  Container& Add() {
    containers_.push_back(std::make_unique<Container>([this] { harness_.Turn(); }));
    return *containers_.back();
  }
  void Attach(uint16_t i) {
    constexpr uint64_t kOffered = vhost::testing::kSplitFeatures;
    containers_[i]->Attach(Cat(harness_.directory(), "/ports/port-", i, "/vhost.sock"),
                           GetParam() ? kOffered : kOffered & ~vhost::kFeatureEventIndex);
    ASSERT_TRUE(harness_.Until([&] { return harness_->ports().ports()[i]->up; }));
  }
  // As quickly as it becomes true; control goes on meanwhile. False after a minute, which is a
  // guard against hanging.
  bool Soon(const std::function<bool()>& condition) {
    for (int i = 0; i < 1000; ++i) {
      if (condition()) return true;
      sched_yield();
    }
    return harness_.Until(condition);
  }
  uint64_t sleeps() { return harness_->workers()[0]->counters().sleeps.value(); }
  uint64_t polls() { return harness_->workers()[0]->counters().polls.value(); }
  static Bytes FrameOf(uint16_t from, uint16_t to, uint32_t seed) {
    return FrameTo(MacNumber(to)).From(MacNumber(from)).Size(60).Seed(seed).Build();
  }

  SwitchHarness harness_;
  std::vector<std::unique_ptr<Container>> containers_;
};

TEST_P(Sleep, LosesNoWakeUpInPingPongs) {
  // More of them by hand: WEFT_PING_PONGS=1000000.
  const char* const wanted = getenv("WEFT_PING_PONGS");
  const uint32_t rounds = wanted != nullptr ? static_cast<uint32_t>(atol(wanted)) : 20'000;
  Start(2, 2, "[workers]\nidle = \"interrupt\"\n");
  uint32_t asleep = 0;
  uint64_t before = 0;
  Bytes next = FrameOf(0x10, 0x11, 0);
  for (uint32_t i = 0; i < rounds; ++i) {
    // Each sends some in a row: its own last frame is what has called its kicks off.
    const uint16_t from = i / 8 % 2;
    // Sometimes to one that sleeps, sometimes to one that is about to, or just awake: from at once
    // to some microseconds after it has sent the last frame, and perhaps looked for the last time.
    if (i % 4 == 0) {
      ASSERT_TRUE(Soon([&] { return sleeps() > before; })) << "round " << i;
      ++asleep;
    } else {
      for (uint32_t k = 0; k < i / 4 % 64; ++k) __builtin_ia32_pause();
    }
    before = sleeps();
    containers_[from]->Send(next);
    const Bytes frame =
        std::exchange(next, FrameOf(0x10 + (i + 1) / 8 % 2, 0x11 - (i + 1) / 8 % 2, i + 1));
    std::vector<Bytes> got;
    ASSERT_TRUE(Soon([&] {
      got = containers_[1 - from]->Receive();
      return !got.empty();
    })) << "round "
        << i;
    if (got.size() != 1 || got[0] != frame) FAIL() << "another frame came in round " << i;
  }
  EXPECT_EQ(asleep, rounds / 4);
  EXPECT_GE(containers_[0]->kicks() + containers_[1]->kicks(), asleep);
}

TEST_P(Sleep, PollsOnWhileFramesCome) {
  Start(2, 2, "[workers]\nidle = \"adaptive\"\nquiet = \"1h\"\n");
  for (uint32_t i = 0; i < 100; ++i) {
    const Bytes frame = FrameOf(0x10, 0x11, i);
    containers_[0]->Send(frame);
    std::vector<Bytes> got;
    ASSERT_TRUE(Soon([&] {
      got = containers_[1]->Receive();
      return !got.empty();
    }));
    ASSERT_THAT(got, ElementsAre(frame));
    // It says that it polls when it gives the buffer back, after the frame is there.
    ASSERT_TRUE(Soon([&] { return containers_[0]->returned() == i + 1; }));
  }
  EXPECT_EQ(sleeps(), 0U);
  EXPECT_LE(containers_[0]->kicks(), 1U) << "a new ring asks for kicks until weft has used it once";
}

TEST_P(Sleep, NeverWhenItIsToPoll) {
  Start(2, 1, "[workers]\nidle = \"poll\"\n");
  const uint64_t now = polls();
  EXPECT_TRUE(Soon([&] { return polls() > now + 10'000; }));
  EXPECT_EQ(sleeps(), 0U);
}

TEST_P(Sleep, WhatControlChangesWakes) {
  Start(2, 1, "[workers]\nidle = \"interrupt\"\n");
  const auto asleep = [this] {
    // Most likely: for some turns of control nothing has woken it.
    return harness_.Until([&] {
      const uint64_t now = polls();
      for (int i = 0; i < 3; ++i) harness_.Turn();
      return polls() == now && sleeps() > 0;
    });
  };
  ASSERT_TRUE(asleep());
  // What a container finds in its ring after a restart of weft: that no kick is wanted. So it gives
  // none, and its frames wait for the worker to see the ring.
  Container& second = Add();
  vhost::testing::Ring& ring = second.front_end().ring(1);
  ring.used[0] = 1;
  ring.used[2 + 4 * ring.size] = 0x8000;
  const Bytes early = FrameOf(0x11, 0x10, 1);
  second.Send(early);
  EXPECT_EQ(second.kicks(), 0U);
  Attach(1);
  std::vector<Bytes> got;
  EXPECT_TRUE(Soon([&] {
    got = containers_[0]->Receive();
    return !got.empty();
  }));
  EXPECT_THAT(got, ElementsAre(early));
}

INSTANTIATE_TEST_SUITE_P(, Sleep, ::testing::Bool(), [](const auto& way) {
  return std::string(way.param ? "EventIndex" : "Flags");
});

}  // namespace
}  // namespace weft::testing
