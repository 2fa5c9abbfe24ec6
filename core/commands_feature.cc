// SPDX-License-Identifier: Apache-2.0
// port feature set, port feature delete: what a [[port]] of startup.conf has as the table of a
// feature, changed while packets flow.
#include <algorithm>
#include <utility>

#include "core/base/text.h"
#include "core/commands.h"
#include "core/shell/command_table.h"
#include "core/switch.h"

namespace weft {
namespace {

// The port as it runs.
absl::StatusOr<PortConfig> Running(const Switch& s, std::string_view name) {
  const Config config = s.Running();
  const PortConfig* const port = config.FindPort(name);
  if (port == nullptr) return NoSuchPort(s, name);
  return *port;
}

// Modules hear of it as after a reload. An error leaves everything as it was.
absl::StatusOr<Reply> Change(Switch& s, const PortConfig& before, const PortConfig& wanted) {
  if (absl::Status status = s.SetFeatures(wanted); !status.ok()) return status;
  if (absl::Status status = s.ResolveNames(s.Running()); !status.ok()) {
    s.SetFeatures(before).IgnoreError();  // it could be published before
    s.ResolveNames(s.Running()).IgnoreError();
    return status;
  }
  return Reply(std::string());
}

absl::StatusOr<Reply> Set(Switch& s, const Arguments& arguments) {
  absl::StatusOr<PortConfig> port = Running(s, arguments.Text("port"));
  if (!port.ok()) return port.status();
  const std::string_view feature = arguments.Text("feature");
  absl::StatusOr<AnyConfig> table = FeatureFromWords(s, feature, arguments.Text("settings"));
  if (!table.ok()) return table.status();
  PortConfig wanted = *port;
  wanted.features[std::string(feature)] = *std::move(table);
  return Change(s, *port, wanted);
}

absl::StatusOr<Reply> Delete(Switch& s, const Arguments& arguments) {
  absl::StatusOr<PortConfig> port = Running(s, arguments.Text("port"));
  if (!port.ok()) return port.status();
  PortConfig wanted = *port;
  if (wanted.features.erase(std::string(arguments.Text("feature"))) == 0) {
    std::vector<std::string> there;
    for (const auto& [name, table] : port->features) there.push_back(name);
    return absl::NotFoundError(Cat("port \"", port->name, "\" has no feature \"",
                                   arguments.Text("feature"), "\" (it has ",
                                   there.empty() ? "none" : Join(there, ", "), ")"));
  }
  return Change(s, *port, wanted);
}

}  // namespace

absl::Status AddFeatureCommands(Switch& s, CommandTable& commands) {
  commands.AddValues({.kind = "feature",
                      .list =
                          [&s] {
                            std::vector<std::string> names;
                            for (const Schemas::Named& feature : s.schemas().features)
                              names.push_back(feature.name);
                            return names;
                          }},
                     "core");
  const std::vector<Argument> which = {
      {.name = "port", .help = "the port", .value = "port"},
      {.name = "feature", .help = "the feature's node", .value = "feature"}};
  Command set{
      .words = "port feature set",
      .arguments = which,
      .help = "Switches a feature of a port on, or gives it other settings, until weftd ends",
      .shape = Shape::Text("empty"),
      .run = [&s](const Arguments& a) { return Set(s, a); }};
  set.arguments.push_back({.name = "settings",
                           .kind = ArgumentKind::kRest,
                           .help = "KEY=VALUE as in startup.conf: allow=02:00:00:00:00:11",
                           .optional = true});
  if (absl::Status status = commands.Add(std::move(set), "core"); !status.ok()) return status;
  return commands.Add({.words = "port feature delete",
                       .arguments = which,
                       .help = "Switches a feature of a port off, until weftd ends",
                       .shape = Shape::Text("empty"),
                       .run = [&s](const Arguments& a) { return Delete(s, a); }},
                      "core");
}

}  // namespace weft
