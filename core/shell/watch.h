// SPDX-License-Identifier: Apache-2.0
// weftctl's `watch`: a command again and again, with the rates of its counters. On a terminal it
// repaints, elsewhere it prints rounds.
#pragma once

#include <string_view>

#include "core/shell/command.h"
#include "core/shell/weftctl.h"

namespace weft {

// Until it has made its rounds, an error or a signal. Returns the exit status.
int RunWatch(ControlClient& client, const Arguments& arguments, const Display& display,
             std::string_view where);

}  // namespace weft
