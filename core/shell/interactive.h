// SPDX-License-Identifier: Apache-2.0
// weftctl on a terminal: a line editor with completion by TAB, help on `?` and a saved history.
#pragma once

#include <functional>

#include "core/shell/client.h"
#include "core/shell/weftctl.h"

namespace weft {

// Reads and runs lines until Ctrl-D, `exit` or `quit`. Errors are printed and do not end it.
// Returns the exit status.
int RunInteractive(ControlClient& client, const Display& display);

// Standard output as it is now. `environment` is getenv: NO_COLOR and TERM decide on colours, PAGER
// on the pager.
Display DisplayOf(const std::function<const char*(const char*)>& environment);

}  // namespace weft
