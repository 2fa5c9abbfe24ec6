// SPDX-License-Identifier: Apache-2.0
// Where a thread is, for handlers of signals that end the process.
#pragma once

namespace weft {

// Loads what PrintStack needs, which a handler may not. Any thread, once before it.
void PrepareStack();

// A line for each function that the calling thread is in, the innermost first: the file of its
// code, and the offset in that, which addr2line(1) takes. A plugin's code is a private copy without
// a name; the innermost is called `plugin`.so. Any thread; async-signal-safe, and no system call
// but write.
void PrintStack(int fd, const char* plugin);

}  // namespace weft
