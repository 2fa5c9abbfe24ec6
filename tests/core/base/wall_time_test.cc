// SPDX-License-Identifier: Apache-2.0
#include "core/base/wall_time.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

#include <optional>
#include <string>

namespace weft {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The machine's time zone, for the duration of a test.
class Zone {
 public:
  explicit Zone(const char* name) {
    if (const char* const before = getenv("TZ"); before != nullptr) before_ = before;
    setenv("TZ", name, 1);
    tzset();
  }
  ~Zone() {
    if (before_) {
      setenv("TZ", before_->c_str(), 1);
    } else {
      unsetenv("TZ");
    }
    tzset();
  }

 private:
  std::optional<std::string> before_;
};

constexpr WallTime At(milliseconds since_1970) { return WallTime(since_1970); }

TEST(FormatTime, SaysTheTimeAndItsZone) {
  // POSIX's TZ counts westwards.
  const Zone zone("AAA-5:30");
  EXPECT_EQ(FormatTime(At(seconds(1'790'000'000) + milliseconds(7))),
            "2026-09-21T19:43:20.007+05:30");
}

TEST(FormatTime, WestOfGreenwich) {
  const Zone zone("AAA3:30");
  EXPECT_EQ(FormatTime(At(milliseconds(0))), "1969-12-31T20:30:00.000-03:30");
}

TEST(FormatTime, BeforeTheEpoch) {
  const Zone zone("AAA0");
  EXPECT_EQ(FormatTime(At(milliseconds(-1))), "1969-12-31T23:59:59.999+00:00");
}

TEST(FormatTimeOfDay, IsOfTheSameZone) {
  const Zone zone("AAA-5:30");
  EXPECT_EQ(FormatTimeOfDay(At(seconds(1'790'000'000) + milliseconds(7))), "19:43:20.007");
}

}  // namespace
}  // namespace weft
