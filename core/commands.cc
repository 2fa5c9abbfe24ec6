// SPDX-License-Identifier: Apache-2.0
#include "core/commands.h"

#include <string>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/shell/client_commands.h"
#include "core/shell/command_table.h"
#include "core/switch.h"

namespace weft {
namespace {

// What core knows the values of; modules add theirs.
void AddCoreValues(const Switch& s, CommandTable& commands) {
  const auto add = [&](std::string_view kind, auto list) {
    commands.AddValues({.kind = kind, .list = std::move(list)}, "core");
  };
  add("port", [&s] {
    std::vector<std::string> names;
    for (const auto& port : s.ports().ports()) names.push_back(port->name);
    return names;
  });
  add("port-kind", [&s] {
    std::vector<std::string> names;
    for (const PortKind& kind : s.kinds()) names.push_back(kind.name);
    return names;
  });
  add("node", [&s] {
    std::vector<std::string> names;
    for (const NodeClass& node : s.catalog().nodes()) names.emplace_back(node.spec.name);
    return names;
  });
  add("plugin", [&s] {
    std::vector<std::string> names;
    for (const auto& plugin : s.plugins()) names.push_back(plugin->info().name);
    return names;
  });
}

}  // namespace

absl::Status NoSuchPort(const Switch& s, std::string_view name) {
  std::vector<std::string> names;
  for (const auto& port : s.ports().ports()) names.push_back(port->name);
  return absl::NotFoundError(
      Cat("there is no port \"", name, "\" (there are: ", Join(names, ", "), ")"));
}

absl::Status AddCommands(Switch& the_switch, CommandTable& commands) {
  for (const auto add : {AddShowCommands, AddGraphCommands, AddWorkerCommands, AddDropCommands,
                         AddTraceCommands, AddCaptureCommands, AddPortCommands, AddFeatureCommands,
                         AddEventCommands}) {
    if (absl::Status status = add(the_switch, commands); !status.ok()) return status;
  }
  for (Command& command : the_switch.registry().commands()) {
    if (absl::Status status = commands.Add(std::move(command), "modules"); !status.ok())
      return status;
  }
  the_switch.registry().commands().clear();
  // What weftctl runs is declared here too, for help and completion.
  for (Command& command : ClientCommands()) {
    if (absl::Status status = commands.Add(std::move(command), "weftctl"); !status.ok())
      return status;
  }
  AddCoreValues(the_switch, commands);
  for (ValueSource& values : the_switch.registry().values()) {
    commands.AddValues(std::move(values), "modules");
  }
  the_switch.registry().values().clear();
  return absl::OkStatus();
}

}  // namespace weft
