// SPDX-License-Identifier: Apache-2.0
#include "core/base/log.h"

#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "core/base/recent_log.h"

namespace weft {
namespace {

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      break;
  }
  return spdlog::level::off;
}

LogLevel FromSpdlog(spdlog::level::level_enum level) {
  for (LogLevel ours : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    if (ToSpdlog(ours) == level) return ours;
  }
  return LogLevel::kOff;
}

// The one logger of the process, for standard error is one place too, and what it said last.
struct Sinks {
  std::shared_ptr<spdlog::sinks::ringbuffer_sink_mt> recent =
      std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(kRecentLogLines);
  std::shared_ptr<spdlog::logger> logger = std::make_shared<spdlog::logger>(
      "weft", spdlog::sinks_init_list{std::make_shared<spdlog::sinks::stderr_sink_mt>(), recent});

  Sinks() {
    logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %l: %v");
    logger->flush_on(spdlog::level::debug);
  }
};

const Sinks& TheSinks() {
  static const Sinks sinks;
  return sinks;
}

spdlog::logger& Logger() { return *TheSinks().logger; }

}  // namespace

void SetLogLevel(LogLevel level) { Logger().set_level(ToSpdlog(level)); }

LogLevel GetLogLevel() { return FromSpdlog(Logger().level()); }

void Log(LogLevel level, std::string_view message) {
  Logger().log(ToSpdlog(level), spdlog::string_view_t(message.data(), message.size()));
}

std::vector<LogLine> RecentLog(size_t most) {
  std::vector<LogLine> lines;
  if (most == 0) return lines;  // spdlog takes it for all of them
  for (const spdlog::details::log_msg_buffer& line : TheSinks().recent->last_raw(most)) {
    lines.push_back({.time = line.time,
                     .level = FromSpdlog(line.level),
                     .message = std::string(line.payload.data(), line.payload.size())});
  }
  return lines;
}

}  // namespace weft
