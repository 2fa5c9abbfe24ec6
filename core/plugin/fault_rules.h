// SPDX-License-Identifier: Apache-2.0
// [plugins] but: rules for plugins by name. A name that is none yet may be one of `plugin load`, so
// it is no error; a misspelt one would be obeyed by nobody, so it is said. Control thread.
#pragma once

#include <string>
#include <vector>

#include "core/config/config.h"
#include "core/config/value.h"

namespace weft {

// The rules of a file for plugins that it does not load and that `directory` does not have either,
// a line each: "startup.conf:4:12: [plugins]: but[0].plugin: ...". `root` is the whole file.
std::vector<std::string> RulesForNobody(const std::string& file, const Value& root,
                                        const PluginsConfig& config, const std::string& directory);

}  // namespace weft
