// SPDX-License-Identifier: Apache-2.0
// The shell's commands that are about the switch as a whole; modules add their own. Control thread.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/config/config.h"

namespace weft {

class CommandTable;
class Reload;
class Switch;

// Adds core's commands and those of all modules. The table must be gone before the switch.
absl::Status AddCommands(Switch& the_switch, CommandTable& commands);

// config diff, config apply. `reload` outlives the table.
absl::Status AddConfigCommands(Reload& reload, CommandTable& commands);

// One table of core's commands each.
absl::Status AddShowCommands(Switch& s, CommandTable& commands);
absl::Status AddGraphCommands(Switch& s, CommandTable& commands);
absl::Status AddWorkerCommands(Switch& s, CommandTable& commands);
absl::Status AddDropCommands(Switch& s, CommandTable& commands);
absl::Status AddTraceCommands(Switch& s, CommandTable& commands);
absl::Status AddCaptureCommands(Switch& s, CommandTable& commands);
absl::Status AddPortCommands(Switch& s, CommandTable& commands);
absl::Status AddFeatureCommands(Switch& s, CommandTable& commands);
absl::Status AddEventCommands(Switch& s, CommandTable& commands);

// What a command says of a port that is not there.
absl::Status NoSuchPort(const Switch& s, std::string_view name);

// A port as typed in `port add`: its name, its kind, and settings like "bridge=default",
// "mtu=9000", "device=net_null0" (of the kind's table) or "mac-guard.allow=02:00:00:00:00:01" (of a
// feature's table).
absl::StatusOr<PortConfig> PortFromWords(const Switch& s, std::string_view name,
                                         std::string_view kind, std::string_view settings);
// The table of a feature, from settings like "allow=02:00:00:00:00:01".
absl::StatusOr<AnyConfig> FeatureFromWords(const Switch& s, std::string_view feature,
                                           std::string_view settings);

}  // namespace weft
