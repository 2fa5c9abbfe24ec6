// SPDX-License-Identifier: Apache-2.0
#include "core/base/recent_log.h"

#include <gtest/gtest.h>

#include "core/base/text.h"

namespace weft {
namespace {

// What is logged here also goes to standard error, where it does no harm.
class RecentLogTest : public ::testing::Test {
 protected:
  RecentLogTest() : before_(GetLogLevel()) { SetLogLevel(LogLevel::kInfo); }
  ~RecentLogTest() override { SetLogLevel(before_); }

 private:
  const LogLevel before_;
};

TEST_F(RecentLogTest, KeepsTheNewestInTheirOrder) {
  LogInfo("first");
  LogWarning("second");
  LogError("third");
  const std::vector<LogLine> lines = RecentLog(2);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].message, "second");
  EXPECT_EQ(lines[0].level, LogLevel::kWarning);
  EXPECT_EQ(lines[1].message, "third");
  EXPECT_EQ(lines[1].level, LogLevel::kError);
  EXPECT_LE(lines[0].time, lines[1].time);
  EXPECT_TRUE(RecentLog(0).empty());
}

TEST_F(RecentLogTest, LacksWhatWasNotLogged) {
  LogInfo("seen");
  LogDebug("below the level");
  EXPECT_EQ(RecentLog(1).at(0).message, "seen");
}

TEST_F(RecentLogTest, IsBounded) {
  for (size_t i = 0; i < kRecentLogLines + 7; ++i) LogInfo(Cat("line ", i));
  const std::vector<LogLine> lines = RecentLog(10 * kRecentLogLines);
  ASSERT_EQ(lines.size(), kRecentLogLines);
  EXPECT_EQ(lines.front().message, "line 7");
  EXPECT_EQ(lines.back().message, Cat("line ", kRecentLogLines + 6));
}

}  // namespace
}  // namespace weft
