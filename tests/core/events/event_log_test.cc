// SPDX-License-Identifier: Apache-2.0
#include "core/events/event_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/text.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr size_t kAll = ~size_t{0};

class EventLogTest : public ::testing::Test {
 protected:
  // "up web-1 x3": kind, port and, if it happened more than once, how often.
  std::vector<std::string> Lines(size_t most = kAll, std::string_view port = "") const {
    std::vector<std::string> lines;
    for (const Event* event : log_.Newest(most, port)) {
      std::string line = Cat(kEventKinds.name(event->kind), " ", event->port);
      if (!event->details.empty()) Append(line, " ", event->details);
      if (event->count > 1) Append(line, " x", event->count);
      lines.push_back(std::move(line));
    }
    return lines;
  }

  WallTime now_{std::chrono::seconds(1'790'000'000)};
  EventLog log_{[this] { return now_; }};
};

TEST_F(EventLogTest, KeepsTheirOrderAndTime) {
  log_.Add(EventKind::kPortAdded, "web-1", "bridge default");
  now_ += std::chrono::seconds(1);
  log_.Add(EventKind::kPortUp, "web-1", "");
  log_.Add(EventKind::kConfigRefused, "", "no such file");
  EXPECT_THAT(Lines(), ElementsAre("port-added web-1 bridge default", "port-up web-1",
                                   "config-refused  no such file"));
  EXPECT_EQ(log_.Newest(kAll, "")[0]->last, now_ - std::chrono::seconds(1));
  EXPECT_EQ(log_.Newest(kAll, "")[1]->last, now_);
}

TEST_F(EventLogTest, TheNewestOfAllOrOfAPort) {
  for (const char* port : {"a", "b", "a", "b"}) {
    now_ += std::chrono::minutes(1);
    log_.Add(EventKind::kPortUp, port, "");
  }
  EXPECT_THAT(Lines(2), SizeIs(2));
  EXPECT_EQ(Lines(2)[0].substr(0, 9), "port-up a");
  EXPECT_EQ(Lines(2)[1].substr(0, 9), "port-up b");
  EXPECT_THAT(Lines(kAll, "a"), SizeIs(2));
  EXPECT_THAT(Lines(1, "a"), ElementsAre(Lines(kAll, "a")[1]));
  EXPECT_THAT(Lines(0), IsEmpty());
  EXPECT_THAT(Lines(kAll, "c"), IsEmpty());
}

TEST_F(EventLogTest, WhatRepeatsIsOneEvent) {
  for (int i = 0; i < 1000; ++i) {
    now_ += std::chrono::milliseconds(1);
    log_.Add(EventKind::kPortUp, "web-1", "");
    log_.Add(EventKind::kPortDown, "web-1", "");
  }
  log_.Add(EventKind::kPortUp, "web-2", "");
  EXPECT_THAT(Lines(),
              ElementsAre("port-up web-1 x1000", "port-down web-1 x1000", "port-up web-2"));
  EXPECT_EQ(log_.Newest(kAll, "")[0]->last, now_) << "the last time counts";
}

TEST_F(EventLogTest, WhatIsSeldomIsToldEachTime) {
  for (int i = 0; i < 3; ++i) {
    log_.Add(EventKind::kPortUp, "web-1", "");
    now_ += EventLog::kFold + std::chrono::milliseconds(1);
  }
  EXPECT_THAT(Lines(), ElementsAre("port-up web-1", "port-up web-1", "port-up web-1"));
}

TEST_F(EventLogTest, OtherDetailsAreAnotherEvent) {
  log_.Add(EventKind::kPortError, "web-1", "this");
  log_.Add(EventKind::kPortError, "web-1", "that");
  EXPECT_THAT(Lines(), SizeIs(2));
}

// A tenant whose every event is another one still leaves those of all others alone.
TEST_F(EventLogTest, NobodyPushesOutWhatHappenedToOthers) {
  log_.Add(EventKind::kStarted, "", "");
  for (const char* port : {"web-1", "web-2", "bad"}) log_.Add(EventKind::kPortAdded, port, "");
  for (size_t i = 0; i < 2 * EventLog::kCapacity; ++i) {
    log_.Add(EventKind::kPortError, "bad", Cat("lie number ", i));
  }
  EXPECT_THAT(Lines(), SizeIs(EventLog::kCapacity));
  EXPECT_THAT(Lines(kAll, "web-1"), ElementsAre("port-added web-1"));
  EXPECT_THAT(Lines(kAll, "web-2"), ElementsAre("port-added web-2"));
  EXPECT_EQ(Lines().front(), "started ");
  EXPECT_EQ(Lines().back(), Cat("port-error bad lie number ", 2 * EventLog::kCapacity - 1));
}

// One port can do something to another, such as take its addresses.
TEST_F(EventLogTest, WhatThereIsLittleOfStays) {
  log_.Add(EventKind::kPortUp, "web-1", "");
  for (size_t i = 0; i < 2 * EventLog::kCapacity; ++i) {
    log_.Add(EventKind::kMacMoved, "web-1", Cat("address ", i));
    log_.Add(EventKind::kMacMoved, "bad", Cat("address ", i));
  }
  EXPECT_THAT(Lines(), SizeIs(EventLog::kCapacity));
  EXPECT_EQ(Lines().front(), "port-up web-1");
  EXPECT_THAT(Lines(kAll, "web-1"), SizeIs(EventLog::kCapacity / 2));
}

// Names that come and go for ever, as `port add` and `port delete` may make them.
TEST_F(EventLogTest, IsBoundedInNamesToo) {
  for (size_t i = 0; i < 3 * EventLog::kCapacity; ++i) {
    log_.Add(EventKind::kPortAdded, Cat("port-", i), "");
  }
  EXPECT_THAT(Lines(), SizeIs(EventLog::kCapacity));
  EXPECT_EQ(Lines().front(), Cat("port-added port-", 2 * EventLog::kCapacity));
}

TEST_F(EventLogTest, CutsWhatIsTooLong) {
  log_.Add(EventKind::kConfigRefused, "", std::string(5000, 'x'));
  log_.Add(EventKind::kConfigRefused, "", std::string(6000, 'x'));
  EXPECT_EQ(log_.Newest(kAll, "").at(0)->details.size(), EventLog::kLongestDetails);
  EXPECT_EQ(log_.Newest(kAll, "").at(0)->count, 2U);
}

TEST_F(EventLogTest, IsEmptyAfterClear) {
  log_.Add(EventKind::kPortUp, "web-1", "");
  log_.Clear();
  EXPECT_THAT(Lines(), IsEmpty());
  log_.Add(EventKind::kPortUp, "web-1", "");
  EXPECT_THAT(Lines(), ElementsAre("port-up web-1"));
}

}  // namespace
}  // namespace weft
