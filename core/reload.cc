// SPDX-License-Identifier: Apache-2.0
#include "core/reload.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/config/reader.h"
#include "core/plugin/find_plugin.h"
#include "core/plugin/plugin.h"
#include "core/preflight.h"
#include "core/reload_steps.h"

namespace weft {
namespace {

// What the machine lacks for ports that are to come.
void CheckPorts(const Switch& the_switch, const Config& wanted,
                const std::vector<ConfigAction>& actions, Errors* errors) {
  for (const ConfigAction& action : actions) {
    if (action.thing != ConfigAction::Thing::kPort ||
        (action.verb != ConfigAction::Verb::kAdd && action.verb != ConfigAction::Verb::kReplace)) {
      continue;
    }
    const PortConfig& port = *wanted.FindPort(action.name);
    const absl::Status status =
        PreflightPort(port, the_switch.kinds(), the_switch.PortDirectory(port.name));
    if (!status.ok()) errors->Add(port.where, Cat("port \"", port.name, "\": ", MessageOf(status)));
  }
}

absl::Status AllOf(const Errors& errors) {
  return absl::InvalidArgumentError(Join(errors.Lines(), "\n"));
}

}  // namespace

// They may bring what the rest of the file needs to be understood.
absl::Status Reload::LoadPlugins(const PluginsConfig& wanted,
                                 std::vector<std::unique_ptr<Plugin>>& plugins) const {
  for (const std::string& name : wanted.load) {
    if (switch_.FindPlugin(name) != nullptr) continue;
    const std::vector<std::string>& left = switch_.left_unloaded();
    if (std::find(left.begin(), left.end(), name) != left.end()) continue;
    const absl::StatusOr<std::string> path =
        FindPlugin(name, wanted.directory.value_or(DefaultPluginDirectory()));
    if (!path.ok()) return path.status();
    absl::StatusOr<std::unique_ptr<Plugin>> plugin = Plugin::Load(*path);
    if (!plugin.ok()) return plugin.status();
    plugins.push_back(*std::move(plugin));
    const absl::Status status = plugins.back()->Register(switch_.registry().services());
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

void Reload::Discard(std::vector<std::unique_ptr<Plugin>> plugins) const {
  for (auto& plugin : plugins) {
    if (plugin != nullptr) switch_.Dispose(std::move(plugin), nullptr);
  }
}

absl::StatusOr<Reload::Plan> Reload::Read() const {
  Errors errors(file_);
  std::optional<Document> document = Document::Load(file_, &errors);
  if (!document) return AllOf(errors);
  Plan plan{switch_.Running(), {}, {}, {}};
  {
    // Every error of these is found again when the whole file is read.
    Errors ignored(file_);
    const PluginsConfig plugins = ReadGlobals(*document, &ignored).plugins;
    absl::StatusOr<Schemas> schemas = switch_.schemas();
    absl::Status status = LoadPlugins(plugins, plan.plugins);
    if (status.ok()) {
      schemas = switch_.Imagine(plugins.load, plan.plugins);
      status = schemas.status();
    }
    if (!status.ok()) {
      schemas = switch_.schemas();
      errors.Add(document->root().WhereIs("plugins"), Cat("[plugins] load: ", MessageOf(status)));
    }
    document = switch_.WithoutUnloaded(file_, *document, plugins, *schemas);
    std::optional<Config> wanted = ReadAll(*document, *schemas, &errors);
    if (wanted) plan.wanted = *std::move(wanted);
    std::erase_if(plan.wanted.plugins.load, [this](const std::string& name) {
      const std::vector<std::string>& left = switch_.left_unloaded();
      return std::find(left.begin(), left.end(), name) != left.end();
    });
  }
  if (errors.empty()) {
    CheckNeedsNoRestart(plan.running, plan.wanted, *document, &errors);
    CheckNeedsNoRestart(metrics_, ReadMetrics(*document, &errors), *document, &errors);
    plan.actions = DiffConfigs(plan.running, plan.wanted);
    CheckPorts(switch_, plan.wanted, plan.actions, &errors);
  }
  if (errors.empty()) return plan;
  Discard(std::move(plan.plugins));
  return AllOf(errors);
}

absl::Status Reload::Change(Plan& plan) {
  if (switch_.stopping()) return absl::FailedPreconditionError("weftd is about to stop");
  ReloadSteps steps(switch_, plan.running, plan.wanted, plan.actions, plan.plugins);
  if (const absl::Status status = steps.Run(); !status.ok()) {
    Errors errors(file_);
    errors.Add(steps.failed_at(), MessageOf(status));
    return absl::Status(status.code(), Join(errors.Lines(), "\n"));
  }
  if (plan.running.weft.log != plan.wanted.weft.log) SetLogLevel(plan.wanted.weft.log);
  switch_.Adopt(std::move(plan.wanted));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ConfigAction>> Reload::Diff() const {
  absl::StatusOr<Plan> plan = Read();
  if (!plan.ok()) return plan.status();
  Discard(std::move(plan->plugins));
  return std::move(plan->actions);
}

absl::StatusOr<std::vector<ConfigAction>> Reload::Apply() {
  absl::StatusOr<Plan> plan = Read();
  absl::Status status = plan.status();
  if (status.ok()) {
    status = Change(*plan);
    Discard(std::move(plan->plugins));  // those that it did not come to
  }
  if (!status.ok()) {
    LogError("reload: refused");
    const std::string message = MessageOf(status);
    switch_.events().Add(EventKind::kConfigRefused, "", message.substr(0, message.find('\n')));
    std::string_view rest = message;
    while (!rest.empty()) {
      const size_t end = rest.find('\n');
      LogError(Cat("reload: ", rest.substr(0, end)));
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    }
    return status;
  }
  std::vector<std::string> done;
  for (const ConfigAction& action : plan->actions) {
    done.push_back(Cat(kConfigVerbs.name(action.verb), " ", action.What()));
    LogInfo(Cat("reload: ", kConfigVerbs.name(action.verb), " ", action.What(),
                action.details.empty() ? "" : Cat(": ", action.details)));
  }
  LogInfo(plan->actions.empty() ? Cat("reload: ", file_, " says what is there already")
                                : Cat("reload: done, actions: ", plan->actions.size()));
  switch_.events().Add(EventKind::kConfigApplied, "",
                       done.empty() ? "nothing differs" : Join(done));
  return std::move(plan->actions);
}

}  // namespace weft
