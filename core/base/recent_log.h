// SPDX-License-Identifier: Apache-2.0
// The last lines that log.h wrote, for `show log`: who asks the shell need not know where weftd's
// standard error goes. Control thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/base/log.h"
#include "core/base/wall_time.h"

namespace weft {

struct LogLine {
  WallTime time;
  LogLevel level = LogLevel::kInfo;
  std::string message;
};

inline constexpr size_t kRecentLogLines = 500;

// The newest lines, at most `most` and at most kRecentLogLines; the oldest first.
std::vector<LogLine> RecentLog(size_t most);

}  // namespace weft
