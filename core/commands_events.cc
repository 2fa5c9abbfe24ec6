// SPDX-License-Identifier: Apache-2.0
// show events, clear events, show log.
#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/recent_log.h"
#include "core/commands.h"
#include "core/config/config.h"
#include "core/shell/command_table.h"
#include "core/switch.h"

namespace weft {
namespace {

Argument LastArgument() {
  return {.name = "last",
          .kind = ArgumentKind::kCount,
          .help = "only so many, the newest",
          .optional = true,
          .keyword = true};
}

absl::StatusOr<size_t> LastOf(const Arguments& arguments) {
  const uint64_t last = arguments.Count("last", std::numeric_limits<size_t>::max());
  if (last == 0) return absl::InvalidArgumentError("last must be at least 1");
  return last;
}

std::vector<Column> EventColumns() {
  return {{"time", "when, the last time; RFC 3339"},
          {"event", "what happened"},
          {"port", "to which port, if to one"},
          {"count", "how often, each time within ten seconds of the one before", CellKind::kCount},
          {"details", "more about it"}};
}

absl::StatusOr<Reply> ShowEvents(const Switch& s, const EventLog& events,
                                 const Arguments& arguments) {
  const absl::StatusOr<size_t> last = LastOf(arguments);
  if (!last.ok()) return last.status();
  Table table{.columns = EventColumns(), .if_empty = "no events"};
  for (const Event* event : events.Newest(*last, arguments.Text("port"))) {
    table.rows.push_back({FormatTime(event->last), std::string(kEventKinds.name(event->kind)),
                          event->port.empty() ? Cell() : Cell(event->port), event->count,
                          event->details});
  }
  // One that has gone may have some; of one that never was there are none.
  const std::string_view port = arguments.Text("port");
  const auto& ports = s.ports().ports();
  if (arguments.Has("port") && table.rows.empty() &&
      std::none_of(ports.begin(), ports.end(), [&](const auto& p) { return p->name == port; })) {
    return NoSuchPort(s, port);
  }
  return Reply(std::move(table));
}

std::vector<Column> LogColumns() {
  return {{"time", "when; RFC 3339"},
          {"level", "debug, info, warning or error"},
          {"message", "the line"}};
}

absl::StatusOr<Reply> ShowLog(const Arguments& arguments) {
  const absl::StatusOr<size_t> last = LastOf(arguments);
  if (!last.ok()) return last.status();
  Table table{.columns = LogColumns(), .if_empty = "nothing was logged"};
  for (LogLine& line : RecentLog(*last)) {
    table.rows.push_back({FormatTime(line.time), std::string(LabelsOf(LogLevel{}).name(line.level)),
                          std::move(line.message)});
  }
  return Reply(std::move(table));
}

}  // namespace

absl::Status AddEventCommands(Switch& s, CommandTable& commands) {
  std::vector<Command> table;
  table.push_back({.words = "show events",
                   .arguments = {LastArgument(),
                                 {.name = "port",
                                  .help = "of this port alone, even if it has gone",
                                  .optional = true,
                                  .keyword = true,
                                  .value = "port"}},
                   .help = "What happened to ports and to weftd, and when",
                   .shape = Shape::Rows(EventColumns()),
                   .run = [&s](const Arguments& a) -> absl::StatusOr<Reply> {
                     return ShowEvents(s, s.events(), a);
                   }});
  table.push_back({.words = "clear events",
                   .help = "Forgets what show events shows",
                   .shape = Shape::Text("empty"),
                   .run = [&s](const Arguments&) -> absl::StatusOr<Reply> {
                     s.events().Clear();
                     return Reply(std::string());
                   }});
  table.push_back({.words = "show log",
                   .arguments = {LastArgument()},
                   .help = "What weftd logged last, at most 500 lines",
                   .shape = Shape::Rows(LogColumns()),
                   .run = [](const Arguments& a) -> absl::StatusOr<Reply> { return ShowLog(a); }});
  for (Command& command : table) {
    if (absl::Status status = commands.Add(std::move(command), "core"); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace weft
