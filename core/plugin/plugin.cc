// SPDX-License-Identifier: Apache-2.0
#include "core/plugin/plugin.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <fcntl.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/in_plugin.h"
#include "core/base/text.h"
#include "core/module.h"
#include "core/plugin/plugin_file.h"
#include "core/plugin/plugin_parts.h"

namespace weft {
namespace {

std::string Demangled(const std::string& symbol) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> readable(
      abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status), &std::free);
  return readable == nullptr ? symbol : readable.get();
}

// What dlopen complained about, as the rest of a sentence.
std::string Complaint() {
  const char* error = dlerror();
  const std::string_view text = error == nullptr ? "no reason given" : error;
  constexpr std::string_view kMissing = "undefined symbol: ";
  const size_t at = text.find(kMissing);
  if (at == std::string_view::npos) return std::string(text);
  const std::string_view rest = text.substr(at + kMissing.size());
  return Cat("it needs the symbol \"", Demangled(std::string(rest.substr(0, rest.find(' ')))),
             "\", which this program does not have");
}

}  // namespace

absl::Status RunGuarded(const std::string& who, const std::function<void()>& run) {
  try {
    run();
    return absl::OkStatus();
  } catch (const std::exception& error) {
    return absl::InternalError(Cat(who, " failed to start: ", error.what()));
  } catch (...) {
    return absl::InternalError(Cat(who, " failed to start: it threw what is no std::exception"));
  }
}

// The loader takes two objects of one name for one, and the name is that of the descriptor. One
// that did not go when it was closed still has its own.
absl::StatusOr<Plugin::Library> Plugin::Library::Open(UniqueFd copy) {
  Library library;
  library.copy_ = std::move(copy);
  std::vector<UniqueFd> taken;
  for (;;) {
    library.path_ = Cat("/proc/self/fd/", library.copy_.get());
    void* const there = dlopen(library.path_.c_str(), RTLD_NOW | RTLD_NOLOAD);
    if (there == nullptr) break;
    dlclose(there);
    UniqueFd other(fcntl(library.copy_.get(), F_DUPFD_CLOEXEC, 0));
    if (!other.valid()) return absl::UnavailableError(std::strerror(errno));
    taken.push_back(std::exchange(library.copy_, std::move(other)));
  }
  library.handle_ = dlopen(library.path_.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library.handle_ == nullptr) return absl::FailedPreconditionError(Complaint());
  return library;
}

bool Plugin::Library::Close() {
  if (handle_ == nullptr) return true;
  dlclose(std::exchange(handle_, nullptr));
  void* const there = dlopen(path_.c_str(), RTLD_NOW | RTLD_NOLOAD);
  if (there != nullptr) dlclose(there);
  copy_.reset();
  return there == nullptr;
}

void Plugin::End() {
  const InPlugin note(info_.name, "while its module ended");
  parts_.reset();
  module_.reset();
}

absl::Status Plugin::Close() {
  End();
  const InPlugin note(info_.name, "while its code went");
  if (library_.Close()) return absl::OkStatus();
  return absl::InternalError(
      Cat("the code of plugin ", info_.name,
          " stays in memory: a thread-local object of it with a destructor, perhaps"));
}

Plugin::Plugin(Library library, std::unique_ptr<Module> module, PluginInfo info)
    : library_(std::move(library)), module_(std::move(module)), info_(std::move(info)) {}

Plugin::~Plugin() = default;

absl::StatusOr<std::unique_ptr<Plugin>> Plugin::Load(const std::string& path) {
  absl::StatusOr<PluginFile> file = InspectPluginFile(path);
  if (!file.ok()) return file.status();
  const std::string who = Cat("plugin ", file->path);

  const std::string name = file->descriptor.name;
  std::optional<InPlugin> note(std::in_place, name, "while its code was loaded");
  absl::StatusOr<Library> library = Library::Open(std::move(file->copy));
  if (!library.ok()) {
    return absl::Status(library.status().code(),
                        Cat(who, " cannot be loaded: ", MessageOf(library.status())));
  }
  const auto* descriptor =
      static_cast<const PluginDescriptor*>(dlsym(library->handle(), "weft_plugin"));
  if (descriptor == nullptr ||
      std::memcmp(descriptor, &file->descriptor, offsetof(PluginDescriptor, make)) != 0) {
    return absl::FailedPreconditionError(
        Cat(who, " is no weft plugin: its symbol weft_plugin is not what its section ",
            kPluginSection, " says"));
  }
  note.reset();
  note.emplace(name, "while its module was made");
  std::unique_ptr<Module> module;
  if (absl::Status made = RunGuarded(who, [&] { module.reset(descriptor->make()); }); !made.ok()) {
    return made;
  }
  PluginInfo info{
      .name = descriptor->name, .version = descriptor->version, .path = file->path, .nodes = {}};
  return std::unique_ptr<Plugin>(
      new Plugin(*std::move(library), std::move(module), std::move(info)));
}

absl::Status Plugin::Register(const ModuleServices& services) {
  if (parts_ != nullptr) return absl::OkStatus();
  parts_ = std::make_unique<PluginParts>(services);
  return Register(parts_->registry, parts_->nodes);
}

absl::Status Plugin::Register(Registry& registry, const NodeCatalog& catalog) {
  const size_t first = catalog.nodes().size();
  const std::string who = Cat("plugin ", info_.path);
  const InPlugin note(info_.name, "while it registered");
  absl::Status status = RunGuarded(who, [&] { module_->Register(registry); });
  for (size_t i = first; i < catalog.nodes().size(); ++i) {
    info_.nodes.emplace_back(catalog.nodes()[i].spec.name);
  }
  if (!status.ok() || registry.status().ok()) return status;
  return {registry.status().code(), Cat(who, ": ", MessageOf(registry.status()))};
}

}  // namespace weft
