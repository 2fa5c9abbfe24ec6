// SPDX-License-Identifier: Apache-2.0
// The program weftctl without its terminal: one command, a script. Exit status: 0 done, 1
// an error (the sentence is on standard error), 2 called wrongly.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/shell/client.h"
#include "core/shell/reply.h"

namespace weft {

inline constexpr int kExitDone = 0;
inline constexpr int kExitError = 1;
inline constexpr int kExitUsage = 2;

// The line that these words make: each is one word of it, but a single one is a whole line, so that
// `weftctl "show ports"` works too.
std::string LineOf(const std::vector<std::string>& words);

// Where answers go, and how they look there.
struct Display {
  FILE* out = stdout;
  FILE* err = stderr;
  bool json = false;
  // Of the terminal; 0 where there is none, and then lines are as long as they need to be.
  size_t width = 0;
  size_t height = 0;
  bool colour = false;
  std::string pager{};  // for what is longer than `height`; empty: none
};

// Runs one line and prints what it answers, or its error behind `where`. Lines that are weftctl's
// own (`watch`) run here, all others in weftd. Returns the exit status.
int RunLine(ControlClient& client, std::string_view line, const Display& display,
            std::string_view where = "weftctl: ");

// The line's candidates, a line each: text, a tab, help; what cannot be typed as it is has no text.
// For completion scripts, so without a daemon there is no message either.
int PrintCandidates(ControlClient& client, std::string_view line, const Display& display);
// The JSON Schema of the command that the line names.
int PrintSchema(ControlClient& client, std::string_view line, const Display& display);

// Runs the lines of `in` to its end or `exit`, skips empty ones and those that start with '#'.
// `name` is the file's, for its errors. Returns the exit status: that of the first line that
// failed, with which it ends if `stop`.
int RunScript(ControlClient& client, FILE* in, std::string_view name, bool stop,
              const Display& display);

// The rest is for RunLine's own commands. All return the exit status.
int Print(const std::string& text, const Display& display, std::string_view where);
// As text or as JSON, whichever is asked for.
int PrintReply(const Reply& reply, const Display& display, std::string_view where);
int Fail(const absl::Status& status, const Display& display, std::string_view where);

}  // namespace weft
