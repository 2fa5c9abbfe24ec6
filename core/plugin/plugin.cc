// SPDX-License-Identifier: Apache-2.0
#include "core/plugin/plugin.h"

#include <cxxabi.h>
#include <dlfcn.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string_view>
#include <utility>

#include "core/base/text.h"
#include "core/module.h"
#include "core/plugin/plugin_file.h"

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

// Runs code of the plugin, whose exceptions end here: they must be gone before it is closed.
template <typename Run>
absl::Status Guarded(const std::string& who, Run&& run) {
  try {
    run();
    return absl::OkStatus();
  } catch (const std::exception& error) {
    return absl::InternalError(Cat(who, " failed to start: ", error.what()));
  } catch (...) {
    return absl::InternalError(Cat(who, " failed to start: it threw what is no std::exception"));
  }
}

}  // namespace

void Plugin::Close::operator()(void* library) const { dlclose(library); }

Plugin::Plugin(Library library, std::unique_ptr<Module> module, PluginInfo info)
    : library_(std::move(library)), module_(std::move(module)), info_(std::move(info)) {}

Plugin::~Plugin() = default;

absl::StatusOr<std::unique_ptr<Plugin>> Plugin::Load(const std::string& path) {
  const absl::StatusOr<PluginFile> file = InspectPluginFile(path);
  if (!file.ok()) return file.status();
  const std::string who = Cat("plugin ", file->path);

  Library library(dlopen(file->path.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (library == nullptr) {
    return absl::FailedPreconditionError(Cat(who, " cannot be loaded: ", Complaint()));
  }
  const auto* descriptor =
      static_cast<const PluginDescriptor*>(dlsym(library.get(), "weft_plugin"));
  if (descriptor == nullptr ||
      std::memcmp(descriptor, &file->descriptor, offsetof(PluginDescriptor, make)) != 0) {
    return absl::FailedPreconditionError(
        Cat(who, " is no weft plugin: its symbol weft_plugin is not what its section ",
            kPluginSection, " says"));
  }
  std::unique_ptr<Module> module;
  if (absl::Status made = Guarded(who, [&] { module.reset(descriptor->make()); }); !made.ok()) {
    return made;
  }
  PluginInfo info{
      .name = descriptor->name, .version = descriptor->version, .path = file->path, .nodes = {}};
  return std::unique_ptr<Plugin>(
      new Plugin(std::move(library), std::move(module), std::move(info)));
}

absl::Status Plugin::Register(Registry& registry, const NodeCatalog& catalog) {
  const size_t first = catalog.nodes().size();
  const std::string who = Cat("plugin ", info_.path);
  absl::Status status = Guarded(who, [&] { module_->Register(registry); });
  for (size_t i = first; i < catalog.nodes().size(); ++i) {
    info_.nodes.emplace_back(catalog.nodes()[i].spec.name);
  }
  if (!status.ok() || registry.status().ok()) return status;
  return {registry.status().code(), Cat(who, ": ", MessageOf(registry.status()))};
}

}  // namespace weft
