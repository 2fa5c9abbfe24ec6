// SPDX-License-Identifier: Apache-2.0
// The program weftctl without its terminal: options, one command, a script. Exit status: 0 done, 1
// an error (the sentence is on standard error), 2 called wrongly.
#pragma once

#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/shell/client.h"

namespace weft {

inline constexpr int kExitDone = 0;
inline constexpr int kExitError = 1;
inline constexpr int kExitUsage = 2;

struct WeftctlOptions {
  std::string socket;
  bool json = false;
  bool help = false;
  std::vector<std::string> words;
};

// What `weftctl --help` prints.
std::string_view WeftctlUsage();

// Reads the arguments behind the program's name. `environment` is getenv, `uid` the effective one:
// they decide on the socket if -s does not. InvalidArgument: a sentence on what is wrong.
absl::StatusOr<WeftctlOptions> ParseWeftctlOptions(
    const std::vector<std::string>& arguments,
    const std::function<const char*(const char*)>& environment, unsigned uid);

// The line that these words make: each is one word of it, but a single one is a whole line, so that
// `weftctl "show ports"` works too.
std::string LineOf(const std::vector<std::string>& words);

// Runs one line and prints what it answers on `out`, or its error on `err` after `where`. `width`
// as for RenderText. Returns the exit status.
int RunLine(ControlClient& client, std::string_view line, bool json, size_t width, FILE* out,
            FILE* err, std::string_view where = "weftctl: ");

// Runs the lines of `in` until one fails; skips empty ones and those that start with '#'. Returns
// the exit status.
int RunScript(ControlClient& client, FILE* in, bool json, size_t width, FILE* out, FILE* err);

}  // namespace weft
