// SPDX-License-Identifier: Apache-2.0
// What one plugin registers, apart from everybody else's: it is looked at before any of it is let
// in, and goes as a whole. Control thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/config/reader.h"
#include "core/graph/guard.h"
#include "core/graph/node_class.h"
#include "core/module.h"

namespace weft {

struct PluginParts {
  explicit PluginParts(ModuleServices services) : registry(services, nodes, schemas) {}
  PluginParts(const PluginParts&) = delete;
  PluginParts& operator=(const PluginParts&) = delete;

  // The class as it is in the graph: behind a guard, with one drop reason more. The labels are kept
  // here.
  NodeClass Guarded(const NodeClass& node, const std::string& plugin);
  // What becomes of the plugin's faults, before its nodes run.
  void Obey(const PluginsConfig& config) const;

  NodeCatalog nodes;
  Schemas schemas;
  Registry registry;
  std::vector<std::shared_ptr<GuardState>> guards;  // of the classes that are in the graph

 private:
  std::vector<std::unique_ptr<std::vector<LabelText>>> labels_;
};

}  // namespace weft
