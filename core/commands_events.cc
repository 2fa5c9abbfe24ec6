// SPDX-License-Identifier: Apache-2.0
// show log.
#include <limits>
#include <utility>
#include <vector>

#include "core/base/recent_log.h"
#include "core/commands.h"
#include "core/config/config.h"
#include "core/shell/command_table.h"

namespace weft {
namespace {

Argument LastArgument(std::string_view help) {
  return {.name = "last",
          .kind = ArgumentKind::kCount,
          .help = help,
          .optional = true,
          .keyword = true};
}

size_t LastOf(const Arguments& arguments) {
  return arguments.Count("last", std::numeric_limits<size_t>::max());
}

std::vector<Column> LogColumns() {
  return {{"time", "when, with the offset from UTC"},
          {"level", "debug, info, warning or error"},
          {"message", "the line"}};
}

Reply ShowLog(const Arguments& arguments) {
  Table table{.columns = LogColumns(), .if_empty = "nothing was logged"};
  for (LogLine& line : RecentLog(LastOf(arguments))) {
    table.rows.push_back({FormatTime(line.time), std::string(LabelsOf(LogLevel{}).name(line.level)),
                          std::move(line.message)});
  }
  return table;
}

}  // namespace

absl::Status AddEventCommands(Switch& /*s*/, CommandTable& commands) {
  std::vector<Command> table;
  table.push_back({.words = "show log",
                   .arguments = {LastArgument("only so many, the newest")},
                   .help = "What weftd logged last, at most 500 lines",
                   .shape = Shape::Rows(LogColumns()),
                   .run = [](const Arguments& a) -> absl::StatusOr<Reply> { return ShowLog(a); }});
  for (Command& command : table) {
    if (absl::Status status = commands.Add(std::move(command), "core"); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace weft
