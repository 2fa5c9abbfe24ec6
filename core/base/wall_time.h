// SPDX-License-Identifier: Apache-2.0
// The time of day, for people and for other programs; what is measured uses clock.h. Control
// thread.
#pragma once

#include <chrono>
#include <string>

namespace weft {

using WallTime = std::chrono::system_clock::time_point;

// RFC 3339 in the machine's time zone, as the log has it: "2026-11-24T13:20:01.123+01:00".
std::string FormatTime(WallTime time);
// The time of day alone, in the same zone, where a line has no room for more: "13:20:01.123".
std::string FormatTimeOfDay(WallTime time);

}  // namespace weft
