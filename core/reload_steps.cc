// SPDX-License-Identifier: Apache-2.0
#include "core/reload_steps.h"

#include <algorithm>
#include <utility>

#include "core/base/log.h"
#include "core/base/text.h"

namespace weft {
namespace {

using Verb = ConfigAction::Verb;
using Thing = ConfigAction::Thing;

}  // namespace

absl::Status ReloadSteps::Run() {
  absl::Status status = Forward();
  if (status.ok()) {
    DeleteBridges();
    UnloadPlugins();
    return status;
  }
  return absl::Status(status.code(), Cat(MessageOf(status), RollBack()));
}

absl::Status ReloadSteps::Forward() {
  if (absl::Status status = LoadPlugins(); !status.ok()) return status;
  AddNew();
  if (!late_.empty() && !Frees()) return Do(late_.front());  // for its error: nothing has changed
  if (absl::Status status = LeaveFirst(); !status.ok()) return status;
  Change();
  if (absl::Status status = DeletePorts(); !status.ok()) return status;
  if (!late_.empty()) switch_.Settle();  // numbers and devices of ports that went are free then
  for (const Step& step : std::exchange(late_, {})) {
    if (absl::Status status = Do(step); !status.ok()) return status;
  }
  return Do({.where = {},
             .run = [this] { return switch_.ResolveNames(wanted_); },
             .undo =
                 [this] {
                   switch_.RetainNames(running_);
                   return absl::OkStatus();
                 }});
}

absl::Status ReloadSteps::Do(const Step& step) {
  absl::Status status = step.run();
  if (status.ok()) {
    undo_.push_back(step.undo);
  } else {
    failed_at_ = step.where;
  }
  return status;
}

void ReloadSteps::Try(Step step) {
  if (!step.run().ok()) {
    late_.push_back(std::move(step));
  } else {
    undo_.push_back(std::move(step.undo));
  }
}

absl::Status ReloadSteps::LoadPlugins() {
  for (auto& plugin : plugins_) {
    const std::string name = plugin->info().name;
    const absl::Status status = Do({.where = {},
                                    .run = [&] { return switch_.AddPlugin(std::move(plugin)); },
                                    .undo = [this, name] { return switch_.UnloadPlugin(name); }});
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// After the ports that needed them; that a graph without them can be built was tried before. Who
// needs another one goes before it.
void ReloadSteps::UnloadPlugins() {
  std::vector<std::string> names;
  for (const ConfigAction& action : actions_) {
    if (action.thing == Thing::kPlugin && action.verb == Verb::kDelete)
      names.push_back(action.name);
  }
  std::vector<std::string> errors;
  for (size_t before = names.size() + 1; names.size() < before && !names.empty();) {
    before = names.size();
    errors.clear();
    std::erase_if(names, [&](const std::string& name) {
      const absl::Status status = switch_.UnloadPlugin(name);
      if (!status.ok()) errors.push_back(MessageOf(status));
      return status.ok();
    });
  }
  for (const std::string& error : errors) LogError(Cat("reload: ", error));
}

void ReloadSteps::AddNew() {
  const auto nothing = [] { return absl::OkStatus(); };
  for (const ConfigAction& action : actions_) {
    if (action.verb != Verb::kAdd) continue;
    if (action.thing == Thing::kBridge) {
      const BridgeConfig& bridge = *wanted_.FindBridge(action.name);
      Try({.where = bridge.where,
           .run = [this, &bridge] { return switch_.AddBridge(bridge); },
           .undo =
               [this, &bridge, nothing] {
                 switch_.RemoveBridge(bridge.name);
                 return nothing();
               }});
    } else if (action.thing == Thing::kPort) {
      const PortConfig& port = *wanted_.FindPort(action.name);
      Try({.where = port.where,
           .run = [this, &port] { return switch_.AddPort(port); },
           .undo = [this, &port] { return switch_.RemovePort(port.name); }});
    }
  }
}

// Whether anything gives something back that a new port may need.
bool ReloadSteps::Frees() const {
  return std::any_of(actions_.begin(), actions_.end(), [](const ConfigAction& action) {
    return action.verb != Verb::kAdd && action.thing != Thing::kLog &&
           action.thing != Thing::kPlugin;
  });
}

// Who is to be another one, or elsewhere, gives back what it has before anybody takes anything:
// two ports may change addresses with each other.
absl::Status ReloadSteps::LeaveFirst() {
  absl::Status status = Do({.where = {},
                            .run =
                                [this] {
                                  switch_.RetainNames(wanted_);
                                  return absl::OkStatus();
                                },
                            .undo = [this] { return switch_.ResolveNames(running_); }});
  bool replaces = false;
  for (const ConfigAction& action : actions_) {
    if (action.thing != Thing::kPort) continue;
    const PortConfig* const before = running_.FindPort(action.name);
    if (action.verb == Verb::kReplace) {
      replaces = true;
      status = Do({.where = wanted_.FindPort(action.name)->where,
                   .run = [this, before] { return switch_.RemovePort(before->name); },
                   .undo = [this, before] { return switch_.AddPort(*before); }});
    } else if (action.verb == Verb::kChange && action.rejoins) {
      status = Do({.where = wanted_.FindPort(action.name)->where,
                   .run =
                       [this, before] {
                         switch_.LeaveBridge(before->name);
                         return absl::OkStatus();
                       },
                   .undo = [this, before] { return switch_.JoinBridge(*before); }});
    }
    if (!status.ok()) return status;
  }
  if (replaces) switch_.Settle();  // a device can be opened again once workers have let go of it
  return absl::OkStatus();
}

void ReloadSteps::Change() {
  for (const ConfigAction& action : actions_) {
    if (action.thing == Thing::kBridge && action.verb == Verb::kChange) {
      const BridgeConfig& before = *running_.FindBridge(action.name);
      const BridgeConfig& after = *wanted_.FindBridge(action.name);
      Try({.where = after.where,
           .run = [this, &after] { return switch_.ChangeBridge(after); },
           .undo = [this, &before] { return switch_.ChangeBridge(before); }});
    }
    if (action.thing != Thing::kPort) continue;
    if (action.verb == Verb::kReplace) {
      const PortConfig& after = *wanted_.FindPort(action.name);
      Try({.where = after.where,
           .run = [this, &after] { return switch_.AddPort(after); },
           .undo = [this, &after] { return switch_.RemovePort(after.name); }});
    } else if (action.verb == Verb::kChange) {
      const PortConfig& before = *running_.FindPort(action.name);
      const PortConfig& after = *wanted_.FindPort(action.name);
      if (action.rejoins) {
        Try({.where = after.where,
             .run = [this, &after] { return switch_.JoinBridge(after); },
             .undo =
                 [this, &after] {
                   switch_.LeaveBridge(after.name);
                   return absl::OkStatus();
                 }});
      }
      if (action.features) {
        Try({.where = after.where,
             .run = [this, &after] { return switch_.SetFeatures(after); },
             .undo = [this, &before] { return switch_.SetFeatures(before); }});
      }
    }
  }
}

absl::Status ReloadSteps::DeletePorts() {
  for (const ConfigAction& action : actions_) {
    if (action.thing != Thing::kPort || action.verb != Verb::kDelete) continue;
    const PortConfig& before = *running_.FindPort(action.name);
    const absl::Status status =
        Do({.where = {},
            .run = [this, &before] { return switch_.RemovePort(before.name); },
            .undo = [this, &before] { return switch_.AddPort(before); }});
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// Last, for it cannot fail once their ports have gone.
void ReloadSteps::DeleteBridges() {
  for (const ConfigAction& action : actions_) {
    if (action.thing == Thing::kBridge && action.verb == Verb::kDelete) {
      switch_.RemoveBridge(action.name);
    }
  }
}

std::string ReloadSteps::RollBack() {
  switch_.Settle();
  std::vector<std::string> failures;
  for (; !undo_.empty(); undo_.pop_back()) {
    if (const absl::Status status = undo_.back()(); !status.ok()) {
      failures.push_back(MessageOf(status));
    }
  }
  // Modules may have read the other one already.
  if (const absl::Status status = switch_.ResolveNames(running_); !status.ok())
    failures.push_back(MessageOf(status));
  if (failures.empty()) return "; everything is as it was before";
  return Cat("; and not all could be undone: ", Join(failures, "; "));
}

}  // namespace weft
