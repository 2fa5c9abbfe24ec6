// SPDX-License-Identifier: Apache-2.0
// A plugin: a Module that arrived in a shared object, and the hold on a private copy of that
// object. Owned by the Switch. Control thread.
//
// Code and constants of the plugin are behind everything that its module brought: node classes in
// the NodeCatalog, the plans and graphs made from it, config schemas and the objects read by them,
// commands. So the Plugin must be the last of these to go.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/unique_fd.h"

namespace weft {

class Module;
class NodeCatalog;
class Registry;
struct ModuleServices;
struct PluginParts;

// One row of `show plugins`.
struct PluginInfo {
  std::string name;     // kebab-case
  std::string version;  // as its author counts
  std::string path;     // absolute; of the file that it is a copy of
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
  const Module& module() const { return *module_; }
  const PluginInfo& info() const { return info_; }

  // Has the module register into parts of the plugin's own, once. Errors are as of the other one.
  absl::Status Register(const ModuleServices& services);
  // What it has registered so.
  PluginParts& parts() { return *parts_; }
  const PluginParts& parts() const { return *parts_; }

  // Lets the module register; what is then new in `catalog`, which is the registry's, are its
  // nodes. Errors are the registry's, or an exception of the plugin.
  absl::Status Register(Registry& registry, const NodeCatalog& catalog);

  // The end, in two steps: the module and its parts go, and then, when nothing that they have begun
  // is left to be called, the code. An error if it stays, for something in it has seen to that.
  void End();
  absl::Status Close();

 private:
  // A shared object that was loaded from memory.
  class Library {
   public:
    Library() = default;
    static absl::StatusOr<Library> Open(UniqueFd copy);
    Library(Library&& other) noexcept
        : copy_(std::move(other.copy_)),
          path_(std::move(other.path_)),
          handle_(std::exchange(other.handle_, nullptr)) {}
    Library& operator=(Library&&) = delete;
    ~Library() { Close(); }

    void* handle() const { return handle_; }
    bool Close();  // false if its code stays

   private:
    UniqueFd copy_;  // as long as it is loaded: nobody else can have its name
    std::string path_;
    void* handle_ = nullptr;
  };

  Plugin(Library library, std::unique_ptr<Module> module, PluginInfo info);

  Library library_;  // outlives the module
  std::unique_ptr<Module> module_;
  std::unique_ptr<PluginParts> parts_;
  PluginInfo info_;
};

// Runs code of a plugin, whose exceptions end here: they must be gone before it is closed. The
// error begins with `who`.
absl::Status RunGuarded(const std::string& who, const std::function<void()>& run);

}  // namespace weft
