// SPDX-License-Identifier: Apache-2.0
// weftctl on a terminal: a line editor with completion by TAB, help on `?` and a saved history.
#pragma once

#include "core/shell/client.h"

namespace weft {

// Reads and runs lines until Ctrl-D, `exit` or `quit`. Errors are printed and do not end it.
// Returns the exit status.
int RunInteractive(ControlClient& client, bool json);

// Columns of the terminal on standard output; 0 if it is none.
size_t TerminalWidth();

}  // namespace weft
