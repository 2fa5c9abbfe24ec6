// SPDX-License-Identifier: Apache-2.0
// Plugins come, are replaced and go while packets flow. What the switch will be is built beside
// what it is and tried there; then all of it changes at once, and what was before goes when no
// worker can be in it any more. docs/adr/0011-plugins-come-and-go.md says why so.
#include <algorithm>
#include <utility>

#include "core/base/in_plugin.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/plugin/plugin_parts.h"
#include "core/shell/command_table.h"
#include "core/switch.h"

namespace weft {
namespace {

std::string Who(const Plugin& plugin) { return Cat("plugin ", plugin.info().path); }

std::string OwnerName(const Plugin& plugin) { return Cat("plugin ", plugin.info().name); }

bool HasNode(const Plugin& plugin, std::string_view name) {
  return plugin.parts().nodes.Find(name) != nullptr;
}

bool HasKind(const Plugin& plugin, std::string_view name) {
  const auto& kinds = plugin.parts().schemas.kinds;
  return std::any_of(kinds.begin(), kinds.end(),
                     [&](const Schemas::Kind& kind) { return kind.name == name; });
}

std::string OutputOf(const Plugin& plugin, std::string_view kind) {
  const auto& kinds = plugin.parts().registry.kinds();
  return std::find_if(kinds.begin(), kinds.end(),
                      [&](const PortKind& other) { return other.name == kind; })
      ->output;
}

template <typename T>
void EraseNamed(std::vector<T>& items, const std::vector<T>& names) {
  std::erase_if(items, [&](const T& item) {
    return std::any_of(names.begin(), names.end(),
                       [&](const T& other) { return other.name == item.name; });
  });
}

template <typename T>
void AppendAll(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

void AddSchemas(const Schemas& from, Schemas& to) {
  AppendAll(to.kinds, from.kinds);
  AppendAll(to.features, from.features);
  AppendAll(to.nodes, from.nodes);
}

}  // namespace

struct Switch::Leaving {
  std::vector<Graph::Change> graphs;  // the node objects, and the plan
  GraphPlanPtr plan;
  std::vector<RetiredNumbers> numbers;
  std::unique_ptr<Plugin> plugin;  // null: one has come and none goes
  PluginInfo info;
  bool is_replaced = false;
};

const Plugin* Switch::FindPlugin(std::string_view name) const {
  const auto found = std::find_if(plugins_.begin(), plugins_.end(),
                                  [&](const auto& plugin) { return plugin->info().name == name; });
  return found == plugins_.end() ? nullptr : found->get();
}

std::vector<std::string> Switch::UsersOf(const Plugin& plugin) const {
  std::vector<std::string> users;
  for (const auto& port : ports_.ports()) {
    if (HasKind(plugin, port->kind))
      users.push_back(Cat("port ", port->name, " (", port->kind, ")"));
    for (const PortWiring::FeatureUse& use : port->wiring.features) {
      if (HasNode(plugin, use.node)) users.push_back(Cat("port ", port->name, " (", use.node, ")"));
    }
  }
  return users;
}

absl::Status Switch::AddPlugin(std::unique_ptr<Plugin> plugin) {
  const std::string name = plugin->info().name;
  if (FindPlugin(name) != nullptr) {
    return absl::AlreadyExistsError(
        Cat("plugin ", name, " is loaded already; see: plugin replace"));
  }
  return Exchange(nullptr, std::move(plugin));
}

absl::Status Switch::UnloadPlugin(std::string_view name) {
  const auto found = std::find_if(plugins_.begin(), plugins_.end(),
                                  [&](const auto& plugin) { return plugin->info().name == name; });
  if (found == plugins_.end()) return absl::NotFoundError(Cat("there is no plugin \"", name, "\""));
  if (const std::vector<std::string> users = UsersOf(**found); !users.empty()) {
    return absl::FailedPreconditionError(
        Cat("plugin ", name, " is needed by ", Join(users), "; take it from them first"));
  }
  return Exchange(found->get(), nullptr);
}

absl::Status Switch::ReplacePlugin(std::unique_ptr<Plugin> plugin) {
  const std::string name = plugin->info().name;
  const auto found = std::find_if(plugins_.begin(), plugins_.end(),
                                  [&](const auto& other) { return other->info().name == name; });
  if (found == plugins_.end()) return absl::NotFoundError(Cat("there is no plugin \"", name, "\""));
  return Exchange(found->get(), std::move(plugin));
}

void Switch::Leave(const Plugin& plugin, World& world) {
  const PluginParts& parts = plugin.parts();
  for (const NodeClass& node : parts.nodes.nodes()) world.catalog.Remove(node.spec.name);
  EraseNamed(world.schemas.kinds, parts.schemas.kinds);
  EraseNamed(world.schemas.features, parts.schemas.features);
  EraseNamed(world.schemas.nodes, parts.schemas.nodes);
  EraseNamed(world.kinds, parts.registry.kinds());
}

absl::Status Switch::Enter(Plugin& plugin, World& world) {
  PluginParts& parts = plugin.parts();
  for (const NodeClass& node : parts.nodes.nodes()) {
    const absl::Status status = world.catalog.Add(parts.Guarded(node, plugin.info().name)).status();
    if (!status.ok()) return status;
  }
  for (const PortKind& kind : parts.registry.kinds()) {
    if (std::any_of(world.kinds.begin(), world.kinds.end(),
                    [&](const PortKind& other) { return other.name == kind.name; })) {
      return absl::AlreadyExistsError(Cat("there is a kind of port \"", kind.name, "\" already"));
    }
  }
  AddSchemas(parts.schemas, world.schemas);
  AppendAll(world.kinds, parts.registry.kinds());
  return absl::OkStatus();
}

absl::StatusOr<Schemas> Switch::Imagine(const std::vector<std::string>& keep,
                                        const std::vector<std::unique_ptr<Plugin>>& more) const {
  World world{catalog_, schemas_, {}};
  for (const auto& plugin : plugins_) {
    if (std::find(keep.begin(), keep.end(), plugin->info().name) == keep.end())
      Leave(*plugin, world);
  }
  for (const auto& plugin : more) {
    const PluginParts& parts = plugin->parts();
    for (const NodeClass& node : parts.nodes.nodes()) {
      if (absl::Status status = world.catalog.Add(node).status(); !status.ok()) return status;
    }
    AddSchemas(parts.schemas, world.schemas);
  }
  const absl::Status status = GraphPlan::Build(world.catalog).status();
  if (!status.ok()) return status;
  return std::move(world.schemas);
}

// What is there is new to a module that comes late. Tables of its own are as it has read them:
// those of the build before are of types that it does not know.
absl::Status Switch::Acquaint(Module& module, const Translated& tables) const {
  Config running = Running();
  for (const auto& [name, config] : tables.nodes) running.nodes[name] = config;
  for (PortConfig& port : running.ports) {
    const auto kind = tables.kinds.find(port.name);
    if (kind != tables.kinds.end()) port.kind_config = kind->second;
    const auto own = tables.ports.find(port.name);
    if (own == tables.ports.end()) continue;
    for (const auto& [feature, config] : own->second) port.features[feature] = config;
  }
  for (const BridgeConfig& bridge : config_.bridges) {
    if (absl::Status status = module.AddBridge(bridge); !status.ok()) return status;
  }
  for (const auto& port : ports_.ports()) {
    if (absl::Status status = module.AddPort(port->id, *running.FindPort(port->name)); !status.ok())
      return status;
    if (port->up) module.PortUp(port->id);
  }
  return module.Configured(running);
}

absl::Status Switch::UseCommandTable(CommandTable& commands) {
  commands_ = &commands;
  for (const auto& plugin : plugins_) {
    if (absl::Status status = ExchangeCommands(nullptr, plugin.get()); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Switch::ExchangeCommands(const Plugin* out, const Plugin* in) {
  if (commands_ == nullptr) return absl::OkStatus();
  const auto add = [this](const Plugin& plugin) {
    // The registry of the parts keeps its own, should they be needed again.
    PluginParts& parts = const_cast<Plugin&>(plugin).parts();
    for (const Command& command : parts.registry.commands()) {
      if (absl::Status status = commands_->Add(command, OwnerName(plugin)); !status.ok())
        return status;
    }
    for (const ValueSource& values : parts.registry.values())
      commands_->AddValues(values, OwnerName(plugin));
    return absl::OkStatus();
  };
  if (out != nullptr) commands_->Remove(OwnerName(*out));
  if (in == nullptr) return absl::OkStatus();
  absl::Status status = add(*in);
  if (status.ok()) return status;
  commands_->Remove(OwnerName(*in));
  if (out != nullptr) add(*out).IgnoreError();  // they were there a moment ago
  return status;
}

absl::Status Switch::Exchange(Plugin* out, std::unique_ptr<Plugin> in) {
  if (stopping_) return absl::FailedPreconditionError("weftd is about to stop");
  absl::Status status;
  if (in != nullptr) status = in->Register(registry_.services());  // its errors name the file
  if (status.ok()) {
    Next next{.world = {catalog_, schemas_, registry_.kinds()}};
    status = Build(out, in.get(), next);
    if (status.ok()) status = ExchangeCommands(out, in.get());
    if (status.ok()) {
      status = HandOverPorts(out, in.get(), next);
      if (!status.ok()) ExchangeCommands(in.get(), out).IgnoreError();  // they were there before
    }
    if (status.ok()) {
      Commit(out, std::move(in), std::move(next));
      return status;
    }
    if (in != nullptr) status = absl::Status(status.code(), Cat(Who(*in), ": ", MessageOf(status)));
  }
  // Whatever it has begun is over before its code goes.
  if (in != nullptr) Dispose(std::move(in), nullptr);
  return status;
}

absl::Status Switch::Build(const Plugin* out, Plugin* in, Next& next) const {
  if (out != nullptr) Leave(*out, next.world);
  if (in != nullptr) {
    if (absl::Status status = Enter(*in, next.world); !status.ok()) return status;
    in->parts().Obey(config_.plugins);
  }
  if (in != nullptr) {
    absl::StatusOr<Translated> translated = Translate(out, *in);
    if (!translated.ok()) return translated.status();
    next.translated = *std::move(translated);
  }
  return plan_ == nullptr ? absl::OkStatus() : BuildGraphs(out, in, next);
}

absl::Status Switch::BuildGraphs(const Plugin* out, Plugin* in, Next& next) const {
  absl::StatusOr<GraphPlanPtr> plan = GraphPlan::Build(next.world.catalog);
  if (!plan.ok()) return plan.status();
  next.plan = *std::move(plan);
  absl::Status status;
  const absl::Status ran = RunGuarded("it", [&] {
    for (const auto& worker : workers_) next.graphs.push_back(worker->graph().Prepare(next.plan));
    if (in == nullptr) return;
    const InPlugin note(in->info().name, "while it was told what there is");
    status = Acquaint(in->module(), next.translated);
    if (status.ok() && out != nullptr)
      status = in->module().RestoreState(out->module().SaveState());
  });
  if (!ran.ok()) return ran;
  if (!status.ok()) return status;
  for (Graph::Change& graph : next.graphs) next.layouts->push_back(std::move(graph.layout));
  std::vector<PortWiring> wirings = ports_.Wirings();
  for (size_t i = 0; i < wirings.size(); ++i) {
    const Port& port = *ports_.ports()[i];
    if (next.translated.kinds.contains(port.name)) wirings[i].output = OutputOf(*in, port.kind);
    const auto tables = next.translated.ports.find(port.name);
    if (tables == next.translated.ports.end()) continue;
    for (PortWiring::FeatureUse& use : wirings[i].features) {
      const auto table = tables->second.find(use.node);
      if (table != tables->second.end()) use.config = table->second.object;
    }
  }
  auto tables = ArcTables::Build(*next.plan, wirings, next.layouts);
  if (!tables.ok()) return tables.status();
  next.tables = *std::move(tables);
  return absl::OkStatus();
}

// Nothing fails from here on.
void Switch::Commit(Plugin* out, std::unique_ptr<Plugin> in, Next next) {
  const auto leaving = std::make_shared<Leaving>();
  leaving->numbers = next.world.catalog.RetiredSince(catalog_.revision());
  catalog_ = std::move(next.world.catalog);
  schemas_ = std::move(next.world.schemas);
  registry_.kinds() = std::move(next.world.kinds);
  if (out != nullptr) {
    for (const Schemas::Named& node : out->parts().schemas.nodes) config_.nodes.erase(node.name);
  }
  InstallPorts(next);
  Install(next.translated);
  if (in != nullptr) {
    const PluginInfo& info = in->info();
    LogInfo(Cat("plugin ", info.name, ": version ", info.version, " ",
                out == nullptr ? "loaded from " : "replaces the one before, from ", info.path));
    events_.Add(out == nullptr ? EventKind::kPluginLoaded : EventKind::kPluginReplaced, "",
                Cat(info.name, " ", info.version));
  }
  ExchangePlaces(out, std::move(in), *leaving);
  if (next.plan != nullptr) {
    leaving->plan = std::exchange(plan_, std::move(next.plan));
    layouts_ = std::move(next.layouts);
    for (size_t i = 0; i < next.graphs.size(); ++i)
      leaving->graphs.push_back(workers_[i]->graph().Adopt(std::move(next.graphs[i])));
    tables_.Store(rcu_, std::move(next.tables));
  }
  Retire(leaving);
}

void Switch::ExchangePlaces(Plugin* out, std::unique_ptr<Plugin> in, Leaving& leaving) {
  if (out == nullptr) {
    all_modules_.push_back(&in->module());
    std::erase(left_unloaded_, in->info().name);  // somebody dares
    plugins_.push_back(std::move(in));
    return;
  }
  const auto place = std::find_if(plugins_.begin(), plugins_.end(),
                                  [&](const auto& plugin) { return plugin.get() == out; });
  const auto module = std::find(all_modules_.begin(), all_modules_.end(), &out->module());
  leaving.plugin = std::move(*place);
  leaving.info = out->info();
  leaving.is_replaced = in != nullptr;
  if (in == nullptr) {
    all_modules_.erase(module);
    plugins_.erase(place);
  } else {
    *module = &in->module();
    *place = std::move(in);
  }
}

void Switch::Retire(std::shared_ptr<Leaving> leaving) {
  if (leaving->plugin != nullptr) leaving_.push_back(leaving->info);
  // Behind the tables of the plan before, and whatever else was deferred until now.
  rcu_.Defer([leaving = std::move(leaving), self = std::weak_ptr<Switch*>(self_), this] {
    const auto there = self.lock();
    if (there) {
      DrainTraces();
      for (const RetiredNumbers& numbers : leaving->numbers) {
        if (!catalog_.Release(numbers)) continue;
        stats_.Forget(numbers);
        traces_.Forget(numbers.id);
      }
    }
    leaving->graphs.clear();
    leaving->plan.reset();
    if (leaving->plugin == nullptr) return;
    Dispose(std::move(leaving->plugin),
            [info = leaving->info, replaced = leaving->is_replaced, self, this] {
              if (!self.lock()) return;
              const auto found =
                  std::find_if(leaving_.begin(), leaving_.end(),
                               [&](const PluginInfo& other) { return other.path == info.path; });
              if (found != leaving_.end()) leaving_.erase(found);
              LogInfo(Cat("plugin ", info.name, ": version ", info.version,
                          replaced ? " has gone: it was replaced" : " unloaded"));
              if (!replaced) events_.Add(EventKind::kPluginUnloaded, "", info.name);
            });
  });
}

// Its module goes now. Its code goes when what the module has deferred and posted is over.
void Switch::Dispose(std::shared_ptr<Plugin> plugin, const std::function<void()>& gone) {
  plugin->End();
  rcu_.Defer([&loop = loop_, plugin = std::move(plugin), gone]() mutable {
    loop.Post([plugin = std::move(plugin), gone] {
      if (const absl::Status closed = plugin->Close(); !closed.ok()) LogError(MessageOf(closed));
      if (gone) gone();
    });
  });
}

}  // namespace weft
