// SPDX-License-Identifier: Apache-2.0
// What may stand behind "weftctl" on a command line. One table feeds the parser, --help and the
// manual page.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace weft {

struct WeftctlOptions {
  std::string socket;
  std::string file;       // of commands; "-" is standard input, empty if there is none
  bool stop = false;      // at the first error of a file
  bool json = false;      // the data
  bool schema = false;    // not the answer, but the JSON Schema of it
  bool complete = false;  // not the answer, but what can stand at the line's end
  bool help = false;
  std::vector<std::string> words;
};

// One option: how it is typed, what it does, and where it goes.
struct OptionSpec {
  std::string_view letter{};  // "-s", empty if it has none
  std::string_view name;      // "--socket"
  std::string_view value{};   // "SOCKET", empty if it takes none
  std::string_view help;      // a sentence without its full stop
  bool WeftctlOptions::*flag = nullptr;
  std::string WeftctlOptions::*text = nullptr;
};
std::span<const OptionSpec> WeftctlOptionSpecs();

// What `weftctl --help` prints.
std::string WeftctlUsage();

// Reads the arguments behind the program's name. `environment` is getenv, `uid` the effective one:
// they decide on the socket if -s does not. InvalidArgument: a sentence on what is wrong.
absl::StatusOr<WeftctlOptions> ParseWeftctlOptions(
    const std::vector<std::string>& arguments,
    const std::function<const char*(const char*)>& environment, unsigned uid);

}  // namespace weft
