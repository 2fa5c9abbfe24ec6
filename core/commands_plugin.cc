// SPDX-License-Identifier: Apache-2.0
// plugin load, plugin replace, plugin unload, show plugins.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/commands.h"
#include "core/plugin/find_plugin.h"
#include "core/plugin/plugin_parts.h"
#include "core/shell/command_table.h"
#include "core/switch.h"

namespace weft {
namespace {

constexpr auto kOnFaults = LabelsOf(OnFault::kBypass);

std::string Directory(const Switch& s) {
  return s.config().plugins.directory.value_or(DefaultPluginDirectory());
}

// A path has a slash in it; all else is a name.
absl::StatusOr<std::unique_ptr<Plugin>> LoadFrom(const Switch& s, std::string_view typed) {
  if (typed.find('/') != std::string_view::npos) return Plugin::Load(std::string(typed));
  const absl::StatusOr<std::string> path = FindPlugin(typed, Directory(s));
  if (!path.ok()) return path.status();
  return Plugin::Load(*path);
}

absl::StatusOr<Reply> LoadPlugin(Switch& s, std::string_view typed) {
  absl::StatusOr<std::unique_ptr<Plugin>> plugin = LoadFrom(s, typed);
  if (!plugin.ok()) return plugin.status();
  const std::string name = (*plugin)->info().name;
  if (absl::Status status = s.AddPlugin(*std::move(plugin)); !status.ok()) return status;
  const PluginInfo& info = s.FindPlugin(name)->info();
  return Reply(Cat("plugin ", name, " ", info.version, " is loaded: ", Join(info.nodes), "\n"));
}

absl::StatusOr<Reply> ReplacePlugin(Switch& s, std::string_view name, std::string_view path) {
  const Plugin* const there = s.FindPlugin(name);
  if (there == nullptr) return absl::NotFoundError(Cat("there is no plugin \"", name, "\""));
  absl::StatusOr<std::unique_ptr<Plugin>> plugin =
      Plugin::Load(path.empty() ? there->info().path : std::string(path));
  if (!plugin.ok()) return plugin.status();
  if ((*plugin)->info().name != name) {
    return absl::InvalidArgumentError(
        Cat(path, " is the plugin ", (*plugin)->info().name, ", not ", name));
  }
  const std::string before = there->info().version;
  if (absl::Status status = s.ReplacePlugin(*std::move(plugin)); !status.ok()) return status;
  return Reply(Cat("plugin ", name, " ", s.FindPlugin(name)->info().version, " runs in place of ",
                   before, "\n"));
}

absl::StatusOr<Reply> UnloadPlugin(Switch& s, std::string_view name) {
  if (absl::Status status = s.UnloadPlugin(name); !status.ok()) return status;
  return Reply(Cat("plugin ", name, " leaves, as soon as no worker is in it; see: show plugins\n"));
}

std::vector<Column> PluginColumns() {
  return {
      {"name", "the plugin's name"},
      {"version", "its own version"},
      {"state",
       "running; a fault and what is done about it; leaving, while a worker may still be in it; "
       "or not loaded, since it has ended weftd"},
      {"nodes", "the nodes that it adds"},
      {"used-by", "the ports that need it"},
      {"path", "the file that it is a copy of"}};
}

std::string StateOf(const Plugin& plugin) {
  std::vector<std::string> faults;
  for (const auto& guard : plugin.parts().guards) {
    if (guard->left_out) {
      faults.push_back(Cat(guard->node, " left out: ", kOnFaults.name(guard->on_fault)));
      continue;
    }
    const Fault fault = guard->fault.load(std::memory_order_relaxed);
    if (fault == Fault::kNone) continue;
    faults.push_back(
        Cat(guard->node, " ", kFaults.name(fault), ": ", kOnFaults.name(guard->on_fault)));
  }
  return faults.empty() ? "running" : Join(faults);
}

Reply ShowPlugins(const Switch& s) {
  Table table{.columns = PluginColumns(), .if_empty = "no plugins"};
  for (const auto& plugin : s.plugins()) {
    const PluginInfo& info = plugin->info();
    table.rows.push_back({info.name, info.version, StateOf(*plugin), Join(info.nodes),
                          Join(s.UsersOf(*plugin)), info.path});
  }
  for (const std::string& name : s.left_unloaded()) {
    table.rows.push_back({name, std::string(), std::string("not loaded: it has ended weftd"),
                          std::string(), std::string(), std::string()});
  }
  for (const PluginInfo& info : s.leaving()) {
    table.rows.push_back({info.name, info.version, std::string("leaving"), Join(info.nodes),
                          std::string(), info.path});
  }
  return table;
}

}  // namespace

absl::Status AddPluginCommands(Switch& s, CommandTable& commands) {
  std::vector<Command> table;
  table.push_back(
      {.words = "plugin load",
       .arguments = {{.name = "plugin",
                      .help = "its name, of a file in the directory of plugins; or the file's path",
                      .complete = [&s] { return PluginsIn(Directory(s)); }}},
       .help = "Loads a plugin, whose features ports can then have",
       .shape = Shape::Text("what it brings"),
       .run = [&s](const Arguments& a) { return LoadPlugin(s, a.Text("plugin")); }});
  table.push_back(
      {.words = "plugin replace",
       .arguments = {{.name = "name", .help = "a plugin that is loaded", .value = "plugin"},
                     {.name = "path",
                      .help = "the other build; without it the file that it came from, read again",
                      .optional = true}},
       .help = "Puts another build of a plugin in its place, while packets flow",
       .shape = Shape::Text("both versions"),
       .run = [&s](const Arguments& a) {
         return ReplacePlugin(s, a.Text("name"), a.Text("path"));
       }});
  table.push_back(
      {.words = "plugin unload",
       .arguments = {{.name = "name", .help = "a plugin that no port needs", .value = "plugin"}},
       .help = "Takes a plugin out of the switch",
       .shape = Shape::Text("that it leaves"),
       .run = [&s](const Arguments& a) { return UnloadPlugin(s, a.Text("name")); }});
  table.push_back(
      {.words = "show plugins",
       .help = "What was loaded, from where, how it does and who needs it",
       .shape = Shape::Rows(PluginColumns()),
       .run = [&s](const Arguments&) -> absl::StatusOr<Reply> { return ShowPlugins(s); }});
  for (Command& command : table) {
    if (absl::Status status = commands.Add(std::move(command), "core"); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace weft
