// SPDX-License-Identifier: Apache-2.0
// weftctl's own commands for who writes a plugin: `plugin new`, and `plugin test`, which has the
// weftd beside this program run cases (core/replay): it is what plugins can be loaded into. No
// daemon takes part in either. Both return the exit status.
#pragma once

#include <string>
#include <string_view>

#include "core/shell/command.h"
#include "core/shell/weftctl.h"

namespace weft {

int RunPluginNew(const Arguments& arguments, const Display& display, std::string_view where);

// Without cases: all of the folder that we are in. If that has a folder build, plugins are there.
int RunPluginTest(const Arguments& arguments, const Display& display, std::string_view where);

}  // namespace weft
