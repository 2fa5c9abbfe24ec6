// SPDX-License-Identifier: Apache-2.0
// Moves as workers leave them, and the events that control makes of them.
#include "nodes/l2/move_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/events/event_log.h"

namespace weft::l2 {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint32_t kNoLimit = 1'000'000;
MacAddress Mac(uint64_t n) { return MacAddress::FromBits(0x0200'0000'0000 + n); }

class MoveWatchTest : public ::testing::Test {
 protected:
  PortId AddPort(std::string name) {
    Port* port = *ports_.Add(std::move(name));
    port->bridge = "blue";
    EXPECT_TRUE(state_.AddPort(port->id, blue_, {}).ok());
    state_.PortUp(port->id);
    return port->id;
  }
  // A frame with this source, as a worker sees it.
  void Send(PortId port, uint64_t mac) {
    state_.fdb().Learn(FdbKey(blue_, Mac(mac)), port, kNoLimit, state_.now());
  }
  // "mac-moved a: 02:00:00:00:00:01 to b, bridge blue x2"
  std::vector<std::string> Events(std::string_view port = "") const {
    std::vector<std::string> lines;
    for (const Event* event : log_.Newest(~size_t{0}, port)) {
      std::string line = Cat(kEventKinds.name(event->kind), " ", event->port, ": ", event->details);
      if (event->count > 1) Append(line, " x", event->count);
      lines.push_back(std::move(line));
    }
    return lines;
  }
  void LookASecondLater() {
    now_ += std::chrono::seconds(1);
    watch_.Look();
  }

  WallTime now_{std::chrono::seconds(1'790'000'000)};
  EventLog log_{[this] { return now_; }};
  Rcu rcu_;
  PortTable ports_{rcu_};
  L2State state_{rcu_, {.capacity = 10'000, .seed = 1}};
  BridgeId blue_ = *state_.AddBridge("blue");
  MoveWatch watch_{state_, ports_, log_};
  const PortId a_ = AddPort("a"), b_ = AddPort("b");
};

TEST_F(MoveWatchTest, TellsAMoveOnce) {
  Send(a_, 1);
  Send(b_, 2);
  watch_.Look();
  EXPECT_THAT(Events(), IsEmpty());
  Send(b_, 1);
  watch_.Look();
  watch_.Look();
  EXPECT_THAT(Events(), ElementsAre("mac-moved a: 02:00:00:00:00:01 to b, bridge blue"));
}

TEST_F(MoveWatchTest, AnAddressThatMovedBackHasMovedAllTheSame) {
  Send(a_, 1);
  Send(b_, 1);
  Send(a_, 1);
  watch_.Look();
  EXPECT_THAT(Events(), ElementsAre("mac-moved a: 02:00:00:00:00:01 to b, bridge blue",
                                    "mac-moved b: 02:00:00:00:00:01 to a, bridge blue"));
}

// Two containers with one address, for a day.
TEST_F(MoveWatchTest, FlappingIsOneEventAPort) {
  for (int second = 0; second < 3600; ++second) {
    for (int i = 0; i < 10; ++i) {
      Send(a_, 1);
      Send(b_, 1);
    }
    LookASecondLater();
  }
  EXPECT_THAT(Events(), ElementsAre("mac-moved a: 02:00:00:00:00:01 to b, bridge blue x3600",
                                    "mac-moved b: 02:00:00:00:00:01 to a, bridge blue x3600"));
}

// A container that takes another address each second, which its owner takes back: both ports have
// many events, but neither what else they have nor what others have is pushed out.
TEST_F(MoveWatchTest, AThiefFillsNobodysLog) {
  log_.Add(EventKind::kStarted, "", "");
  for (const char* port : {"a", "b", "c"}) log_.Add(EventKind::kPortUp, port, "");
  for (uint64_t i = 1; i <= 2 * EventLog::kCapacity; ++i) {
    for (uint64_t many = 0; many < 3; ++many) {
      Send(a_, i + many);
      Send(b_, i + many);
      Send(a_, i + many);
    }
    LookASecondLater();
  }
  EXPECT_EQ(Events().size(), EventLog::kCapacity);
  EXPECT_EQ(Events("")[0], "started : ");
  for (const char* port : {"a", "b", "c"}) {
    EXPECT_EQ(Events(port).at(0), Cat("port-up ", port, ": "));
  }
}

TEST_F(MoveWatchTest, WhatWasOfAPortIsNotToldOfTheNextOfItsNumber) {
  Send(a_, 1);
  Send(b_, 1);
  state_.RemovePort(a_);
  ports_.Remove(a_);
  ports_.Release(a_);
  while (rcu_.Poll() != 0) {
  }
  EXPECT_EQ(AddPort("later"), a_);
  watch_.Look();
  EXPECT_THAT(Events(), IsEmpty());
  Send(a_, 2);
  Send(b_, 2);
  watch_.Look();
  EXPECT_THAT(Events(), ElementsAre("mac-moved later: 02:00:00:00:00:02 to b, bridge blue"));
}

TEST_F(MoveWatchTest, WhoeverHasGoneHasANumber) {
  Send(a_, 1);
  Send(b_, 1);
  ports_.Remove(b_);
  watch_.Look();
  EXPECT_THAT(Events(), ElementsAre("mac-moved a: 02:00:00:00:00:01 to port 1, bridge blue"));
}

}  // namespace
}  // namespace weft::l2
