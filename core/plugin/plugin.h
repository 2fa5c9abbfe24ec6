// SPDX-License-Identifier: Apache-2.0
// A plugin: a Module that arrived in a shared object, and the hold on that object. Owned by the
// Switch. Control thread.
//
// Code and constants of the plugin are behind everything that its module brought: node classes in
// the NodeCatalog, the plans and graphs made from it, config schemas and the objects read by them,
// commands. So the Plugin must be the last of these to go.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weft {

class Module;
class NodeCatalog;
class Registry;

// One row of `show plugins`.
struct PluginInfo {
  std::string name;     // kebab-case
  std::string version;  // as its author counts
  std::string path;     // absolute
  std::vector<std::string> nodes;
};

class Plugin {
 public:
  // Loads the file and makes its module. Errors, each a sentence that names the file: everything
  // that InspectPluginFile judges, a symbol that is missing here, and an exception on the way.
  static absl::StatusOr<std::unique_ptr<Plugin>> Load(const std::string& path);
  ~Plugin();
  Plugin(const Plugin&) = delete;
  Plugin& operator=(const Plugin&) = delete;

  Module& module() { return *module_; }
  const PluginInfo& info() const { return info_; }

  // Lets the module register; what is then new in `catalog`, which is the registry's, are its
  // nodes. Errors are the registry's, or an exception of the plugin.
  absl::Status Register(Registry& registry, const NodeCatalog& catalog);

 private:
  struct Close {
    void operator()(void* library) const;
  };
  using Library = std::unique_ptr<void, Close>;

  Plugin(Library library, std::unique_ptr<Module> module, PluginInfo info);

  Library library_;  // outlives the module
  std::unique_ptr<Module> module_;
  PluginInfo info_;
};

}  // namespace weft
