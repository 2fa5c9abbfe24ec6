// SPDX-License-Identifier: Apache-2.0
#include "core/base/wall_time.h"

#include <time.h>

#include <array>
#include <cstdio>
#include <string_view>

namespace weft {

std::string FormatTime(WallTime time) {
  using std::chrono::milliseconds;
  // Floored, so that the part behind the point is never negative.
  const auto since_1970 = std::chrono::floor<milliseconds>(time.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_1970);
  const time_t unix_time = seconds.count();
  tm local{};
  localtime_r(&unix_time, &local);
  std::array<char, 48> text{};
  const size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &local);
  const long offset = local.tm_gmtoff / 60;  // minutes
  const long minutes = offset < 0 ? -offset : offset;
  const int more = std::snprintf(text.data() + length, text.size() - length, ".%03d%c%02ld:%02ld",
                                 static_cast<int>((since_1970 - seconds).count()),
                                 offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
  return std::string(text.data(), length + static_cast<size_t>(more));
}

std::string FormatTimeOfDay(WallTime time) {
  return FormatTime(time).substr(std::string_view("2026-11-24T").size(),
                                 std::string_view("13:20:01.123").size());
}

}  // namespace weft
