// SPDX-License-Identifier: Apache-2.0
// show config, config diff, config apply.
#include <string>
#include <utility>
#include <vector>

#include "core/commands.h"
#include "core/reload.h"
#include "core/shell/command_table.h"

namespace weft {
namespace {

std::vector<Column> ActionColumns() {
  return {{"action", "add, change, replace (delete and add again) or delete"},
          {"what", "the bridge or the port"},
          {"details", "each key that differs"}};
}

absl::StatusOr<Reply> TableOf(const absl::StatusOr<std::vector<ConfigAction>>& actions) {
  if (!actions.ok()) return actions.status();
  Table table{.columns = ActionColumns(),
              .if_empty = "nothing: the file says what is there already"};
  for (const ConfigAction& action : *actions) {
    table.rows.push_back(
        {std::string(kConfigVerbs.name(action.verb)), action.What(), action.details});
  }
  return Reply(std::move(table));
}

}  // namespace

absl::Status AddConfigCommands(Reload& reload, CommandTable& commands) {
  std::vector<Command> table;
  table.push_back({.words = "show config",
                   .arguments = {{.name = "all",
                                  .kind = ArgumentKind::kFlag,
                                  .help = "defaults too, as comments",
                                  .optional = true,
                                  .keyword = true}},
                   .help = "What runs now, as the startup.conf that says it",
                   .shape = Shape::Text("TOML"),
                   .run = [&reload](const Arguments& a) -> absl::StatusOr<Reply> {
                     return reload.Running(a.Has("all") ? ShowDefaults::kAsComments
                                                        : ShowDefaults::kNo);
                   }});
  table.push_back({.words = "config diff",
                   .help = "What config apply would do; changes nothing",
                   .shape = Shape::Rows(ActionColumns()),
                   .run = [&reload](const Arguments&) { return TableOf(reload.Diff()); }});
  table.push_back({.words = "config apply",
                   .help = "Reads startup.conf again and changes what differs, all or nothing",
                   .shape = Shape::Rows(ActionColumns()),
                   .run = [&reload](const Arguments&) { return TableOf(reload.Apply()); }});
  for (Command& command : table) {
    if (absl::Status status = commands.Add(std::move(command), "core"); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace weft
