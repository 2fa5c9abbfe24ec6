// SPDX-License-Identifier: Apache-2.0
// Which plugin's code a thread is in, where nobody has left a note of it (core/base/in_plugin.h):
// for the handler of a crash, behind PrepareStack (core/base/signal_stack.h). Any thread that may
// read links, as control may.
#pragma once

#include <cstddef>

namespace weft {

// The name of the plugin whose code the calling thread is in, or that has called what it is in: the
// innermost that is a private copy. At most `size` bytes go to `name`, with a zero; false if there
// is none. Async-signal-safe.
bool NamePluginOnStack(char* name, size_t size);

}  // namespace weft
