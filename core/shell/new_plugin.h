// SPDX-License-Identifier: Apache-2.0
// `weftctl plugin new NAME`: the files of core/sdk/template, which this program has in it, under
// another name. No weftd takes part.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace weft {

// Names and texts as in the tree: "new_plugin.cc". CMake makes them from it.
struct TemplateFile {
  std::string_view path;
  std::string_view text;
};
std::span<const TemplateFile> PluginTemplate();

// Writes the folder directory/name. InvalidArgument: no name of a plugin. AlreadyExists: something
// of that name is there. Else what the system says; then nothing is left behind.
absl::Status WriteNewPlugin(std::string_view name, const std::string& directory);

}  // namespace weft
