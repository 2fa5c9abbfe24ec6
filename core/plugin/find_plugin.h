// SPDX-License-Identifier: Apache-2.0
// Where plugins are: the plugin mac-guard is the file mac-guard.so of one directory. Control
// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace weft {

// Where plugins are when startup.conf does not say: plugins/ beside this program (a build folder),
// else ../lib/weft/plugins from there (an installation), else /usr/lib/weft/plugins.
std::string DefaultPluginDirectory();

// The names of the plugins in a directory, sorted; none if it cannot be read.
std::vector<std::string> PluginsIn(const std::string& directory);

// The path of the plugin `name` in `directory`. Errors: no name of a plugin, no such directory; no
// such plugin, with those that are there and the one that may have been meant.
absl::StatusOr<std::string> FindPlugin(std::string_view name, const std::string& directory);

}  // namespace weft
