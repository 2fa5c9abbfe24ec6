// SPDX-License-Identifier: Apache-2.0
// Log lines, from the control thread only (a worker counts instead). One line an event, the port
// first:
//   Log(LogLevel::kInfo, "port web-1: up, 1 queue pair, 1 memory region")
#pragma once

#include <string>
#include <string_view>

namespace weft {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };

// Sets what is written; safe to call again. Lines go to standard error with time and level.
void SetLogLevel(LogLevel level);
LogLevel GetLogLevel();

// Writes one line. `message` must not contain untrusted control characters: quote tenant text with
// absl::CHexEscape.
void Log(LogLevel level, std::string_view message);

inline void LogDebug(std::string_view message) { Log(LogLevel::kDebug, message); }
inline void LogInfo(std::string_view message) { Log(LogLevel::kInfo, message); }
inline void LogWarning(std::string_view message) { Log(LogLevel::kWarning, message); }
inline void LogError(std::string_view message) { Log(LogLevel::kError, message); }

}  // namespace weft
