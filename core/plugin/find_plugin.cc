// SPDX-License-Identifier: Apache-2.0
#include "core/plugin/find_plugin.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "core/base/text.h"
#include "core/config/errors.h"
#include "core/config/suggest.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

// Kebab-case, so that no name can leave the directory.
bool IsPluginName(std::string_view name) {
  return !name.empty() && name.front() != '-' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

}  // namespace

std::string DefaultPluginDirectory() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& directory : {program / "plugins", program / "../lib/weft/plugins"}) {
    if (!program.empty() && fs::is_directory(directory, error)) {
      return directory.lexically_normal();
    }
  }
  return "/usr/lib/weft/plugins";
}

std::vector<std::string> PluginsIn(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().stem();
    if (at->path().extension() == ".so" && IsPluginName(name)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<std::string> FindPlugin(std::string_view name, const std::string& directory) {
  if (!IsPluginName(name)) {
    return absl::InvalidArgumentError(
        Cat(Quoted(name), " is no name of a plugin: it has letters a to z, digits and \"-\""));
  }
  std::error_code error;
  if (!fs::is_directory(directory, error)) {
    return absl::NotFoundError(
        Cat("there is no plugin \"", name, "\": the directory ", directory,
            error ? Cat(" cannot be read: ", error.message()) : std::string(" is no directory")));
  }
  std::string path = fs::path(directory) / Cat(name, ".so");
  if (fs::exists(path, error)) return path;
  const std::vector<std::string> there = PluginsIn(directory);
  return absl::NotFoundError(Cat("there is no plugin \"", name, "\" in ", directory,
                                 DidYouMean(name, {there.begin(), there.end()}),
                                 there.empty() ? std::string("; there is none at all")
                                               : Cat("; there is ", Join(there, ", "))));
}

}  // namespace weft
