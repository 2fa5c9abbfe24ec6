// SPDX-License-Identifier: Apache-2.0
#include "core/commands.h"

#include "core/shell/command_table.h"
#include "core/switch.h"

namespace weft {

absl::Status AddCommands(Switch& the_switch, CommandTable& commands) {
  for (const auto add : {AddShowCommands, AddTraceCommands, AddPortCommands, AddEventCommands}) {
    if (absl::Status status = add(the_switch, commands); !status.ok()) return status;
  }
  for (Command& command : the_switch.registry().commands()) {
    if (absl::Status status = commands.Add(std::move(command), "modules"); !status.ok())
      return status;
  }
  the_switch.registry().commands().clear();
  return absl::OkStatus();
}

}  // namespace weft
