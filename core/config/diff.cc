// SPDX-License-Identifier: Apache-2.0
#include "core/config/diff.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "core/base/text.h"
#include "core/config/metrics_config.h"

namespace weft {
namespace {

using Verb = ConfigAction::Verb;
using Thing = ConfigAction::Thing;

// What a port can change without another backend.
constexpr std::array<std::string_view, 3> kRejoining = {"bridge", "mac", "mac-limit"};

std::string OrUnset(const std::string& text) { return text.empty() ? "unset" : text; }

struct FieldChange {
  std::string_view name;
  std::string text;  // "mtu: 1500 -> 9000"
};

std::vector<FieldChange> FieldChanges(const TableSchema& schema, const void* before,
                                      const void* after, std::string_view path = "") {
  std::vector<FieldChange> changes;
  for (const FieldSpec& field : schema.fields()) {
    if (field.equal(before, after)) continue;
    changes.push_back({field.name, Cat(path, field.name, ": ", OrUnset(field.print(before)), " -> ",
                                       OrUnset(field.print(after)))});
  }
  return changes;
}

std::vector<std::string> Texts(const std::vector<FieldChange>& changes) {
  std::vector<std::string> texts;
  for (const FieldChange& change : changes) texts.push_back(change.text);
  return texts;
}

// The same for two tables of one name, of which either may be missing.
void AppendTable(std::string_view name, const AnyConfig* before, const AnyConfig* after,
                 std::vector<std::string>& texts) {
  if (before == nullptr || after == nullptr) {
    texts.push_back(Cat(name, before == nullptr ? ": added" : ": removed"));
    return;
  }
  for (const FieldChange& change :
       FieldChanges(*before->schema, before->object.get(), after->object.get(), Cat(name, "."))) {
    texts.push_back(change.text);
  }
}

const AnyConfig* FeatureOf(const PortConfig& port, const std::string& name) {
  const auto found = port.features.find(name);
  return found == port.features.end() ? nullptr : &found->second;
}

ConfigAction PortChange(const PortConfig& before, const PortConfig& after) {
  ConfigAction action{.verb = Verb::kChange, .thing = Thing::kPort, .name = after.name};
  std::vector<std::string> texts;
  for (const FieldChange& change : FieldChanges(SchemaOf<PortConfig>(), &before, &after)) {
    if (std::find(kRejoining.begin(), kRejoining.end(), change.name) == kRejoining.end()) {
      action.verb = Verb::kReplace;
    } else {
      action.rejoins = true;
    }
    texts.push_back(change.text);
  }
  if (before.kind != after.kind) {
    action.verb = Verb::kReplace;
    texts.push_back(Cat("kind: ", before.kind, " -> ", after.kind));
  } else if (before.kind_config != after.kind_config) {
    action.verb = Verb::kReplace;
    AppendTable(after.kind, &before.kind_config, &after.kind_config, texts);
  }
  if (before.features != after.features) {
    action.features = true;
    for (const auto& [name, table] : before.features) {
      AppendTable(name, &table, FeatureOf(after, name), texts);
    }
    for (const auto& [name, table] : after.features) {
      if (FeatureOf(before, name) == nullptr) AppendTable(name, nullptr, &table, texts);
    }
  }
  action.details = Join(texts, "; ");
  return action;
}

void DiffBridges(const Config& running, const Config& wanted, std::vector<ConfigAction>& actions) {
  for (const BridgeConfig& bridge : wanted.bridges) {
    const BridgeConfig* const before = running.FindBridge(bridge.name);
    if (before == nullptr) {
      actions.push_back({.verb = Verb::kAdd, .thing = Thing::kBridge, .name = bridge.name});
    } else if (!(*before == bridge)) {
      actions.push_back(
          {.verb = Verb::kChange,
           .thing = Thing::kBridge,
           .name = bridge.name,
           .details = Join(Texts(FieldChanges(SchemaOf<BridgeConfig>(), before, &bridge)), "; ")});
    }
  }
}

// What `a` names and `b` does not.
std::vector<std::string> Without(const std::vector<std::string>& a,
                                 const std::vector<std::string>& b) {
  std::vector<std::string> rest;
  std::copy_if(a.begin(), a.end(), std::back_inserter(rest), [&](const std::string& name) {
    return std::find(b.begin(), b.end(), name) == b.end();
  });
  return rest;
}

// All that may hold one of a kind for a whole process.
template <typename T>
void CheckSection(std::string_view name, const T& running, const T& wanted, const Value& root,
                  Errors* errors) {
  const Value::Member* const section = root.Find(name);
  for (const FieldSpec& field : SchemaOf<T>().fields()) {
    if (field.equal(&running, &wanted)) continue;
    if (name == "weft" && field.name == "log") continue;
    if (name == "plugins" && field.name == "load") continue;
    const SourceLocation where =
        section == nullptr ? SourceLocation() : section->value.WhereIs(field.name);
    Place(errors, Cat("[", name, "]"))
        .Key(field.name)
        .Error(where, Cat("only a restart changes it; running is ", OrUnset(field.print(&running)),
                          ", the file says ", OrUnset(field.print(&wanted))));
  }
}

}  // namespace

std::string ConfigAction::What() const {
  switch (thing) {
    case Thing::kBridge:
      return Cat("bridge ", name);
    case Thing::kPort:
      return Cat("port ", name);
    case Thing::kPlugin:
      return Cat("plugin ", name);
    case Thing::kNode:
      return Cat("node ", name);
    case Thing::kLog:
      break;
  }
  return "[weft]";
}

std::vector<ConfigAction> DiffConfigs(const Config& running, const Config& wanted) {
  std::vector<ConfigAction> actions;
  if (running.weft.log != wanted.weft.log) {
    actions.push_back(
        {.verb = Verb::kChange,
         .thing = Thing::kLog,
         .name = "",
         .details =
             Join(Texts(FieldChanges(SchemaOf<WeftConfig>(), &running.weft, &wanted.weft)), "; ")});
  }
  for (const std::string& name : Without(wanted.plugins.load, running.plugins.load))
    actions.push_back({.verb = Verb::kAdd, .thing = Thing::kPlugin, .name = name});
  // A node that is not there yet comes with its plugin, and with what the file says of it.
  for (const auto& [name, after] : wanted.nodes) {
    const auto before = running.nodes.find(name);
    if (before == running.nodes.end() || before->second == after) continue;
    actions.push_back(
        {.verb = Verb::kChange,
         .thing = Thing::kNode,
         .name = name,
         .details = Join(
             Texts(FieldChanges(*after.schema, before->second.object.get(), after.object.get())),
             "; ")});
  }
  DiffBridges(running, wanted, actions);
  for (const PortConfig& port : wanted.ports) {
    const PortConfig* const before = running.FindPort(port.name);
    if (before == nullptr) {
      actions.push_back({.verb = Verb::kAdd,
                         .thing = Thing::kPort,
                         .name = port.name,
                         .details = Cat(port.kind, ", bridge ", port.bridge)});
    } else if (!(*before == port)) {
      actions.push_back(PortChange(*before, port));
    }
  }
  for (const PortConfig& port : running.ports) {
    if (wanted.FindPort(port.name) != nullptr) continue;
    actions.push_back({.verb = Verb::kDelete,
                       .thing = Thing::kPort,
                       .name = port.name,
                       .details = "not in the file"});
  }
  for (const BridgeConfig& bridge : running.bridges) {
    if (wanted.FindBridge(bridge.name) != nullptr) continue;
    actions.push_back({.verb = Verb::kDelete,
                       .thing = Thing::kBridge,
                       .name = bridge.name,
                       .details = "not in the file"});
  }
  for (const std::string& name : Without(running.plugins.load, wanted.plugins.load)) {
    actions.push_back({.verb = Verb::kDelete,
                       .thing = Thing::kPlugin,
                       .name = name,
                       .details = "not in the file"});
  }
  return actions;
}

void CheckNeedsNoRestart(const Config& running, const Config& wanted, const Document& document,
                         Errors* errors) {
  const Value& root = document.root();
  CheckSection("weft", running.weft, wanted.weft, root, errors);
  CheckSection("workers", running.workers, wanted.workers, root, errors);
  CheckSection("dpdk", running.dpdk, wanted.dpdk, root, errors);
  CheckSection("plugins", running.plugins, wanted.plugins, root, errors);
}

void CheckNeedsNoRestart(const MetricsConfig& running, const MetricsConfig& wanted,
                         const Document& document, Errors* errors) {
  CheckSection("metrics", running, wanted, document.root(), errors);
}

}  // namespace weft
