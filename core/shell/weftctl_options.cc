// SPDX-License-Identifier: Apache-2.0
#include "core/shell/weftctl_options.h"

#include <array>

#include "absl/strings/str_format.h"
#include "core/base/runtime_path.h"
#include "core/shell/text_grid.h"
#include "core/shell/utf8.h"

namespace weft {
namespace {

constexpr std::array kSpecs = {
    OptionSpec{.letter = "-s",
               .name = "--socket",
               .value = "SOCKET",
               .help = "weftd's control socket; without it $WEFT_SOCKET, else "
                       "/run/weft/control.sock for root, else $XDG_RUNTIME_DIR/weft/control.sock, "
                       "else /tmp/weft-UID/control.sock",
               .text = &WeftctlOptions::socket},
    OptionSpec{.letter = "-f",
               .name = "--file",
               .value = "FILE",
               .help =
                   "run the commands of FILE, one a line; # begins a comment, and the file - is "
                   "standard input",
               .text = &WeftctlOptions::file},
    OptionSpec{.letter = "-e",
               .name = "--stop",
               .help = "stop at the first line of the file that fails",
               .flag = &WeftctlOptions::stop},
    OptionSpec{.name = "--json", .help = "print the data as JSON", .flag = &WeftctlOptions::json},
    OptionSpec{.name = "--schema",
               .help = "print the JSON Schema of the command's data instead",
               .flag = &WeftctlOptions::schema},
    OptionSpec{.name = "--complete",
               .help = "print what can stand at the end of the line instead: a line each, a tab "
                       "before what it is",
               .flag = &WeftctlOptions::complete},
    OptionSpec{
        .letter = "-h", .name = "--help", .help = "print this", .flag = &WeftctlOptions::help},
};

std::string DefaultSocket(const std::function<const char*(const char*)>& environment,
                          unsigned uid) {
  const char* socket = environment("WEFT_SOCKET");
  if (socket != nullptr && *socket != '\0') return socket;
  return DefaultRuntimeDir(uid, environment("XDG_RUNTIME_DIR")) + "/control.sock";
}

// Reads the option at `at`, and moves `at` to its value where that is the next argument.
absl::Status ReadOption(const std::vector<std::string>& arguments, size_t& at,
                        WeftctlOptions& options) {
  const std::string& argument = arguments[at];
  for (const OptionSpec& spec : kSpecs) {
    const bool named = argument == spec.name || (argument == spec.letter && !spec.letter.empty());
    if (spec.flag != nullptr) {
      if (!named) continue;
      options.*spec.flag = true;
      return absl::OkStatus();
    }
    if (argument.starts_with(absl::StrFormat("%s=", spec.name))) {
      options.*spec.text = argument.substr(spec.name.size() + 1);
      return absl::OkStatus();
    }
    if (!named) continue;
    if (at + 1 == arguments.size()) {
      return absl::InvalidArgumentError(absl::StrFormat("%s needs a %s", argument, spec.value));
    }
    options.*spec.text = arguments[++at];
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrFormat("unknown option \"%s\"", Printable(argument)));
}

}  // namespace

std::span<const OptionSpec> WeftctlOptionSpecs() { return kSpecs; }

std::string WeftctlUsage() {
  Grid grid{.left = {true, true, true}, .rows = {}};
  for (const OptionSpec& spec : kSpecs) {
    const std::string value = spec.value.empty() ? "" : absl::StrFormat(" %s", spec.value);
    grid.rows.push_back({{.text = spec.letter.empty() ? "" : absl::StrFormat("%s,", spec.letter)},
                         {.text = absl::StrFormat("%s%s", spec.name, value)},
                         {.text = std::string(spec.help)}});
  }
  return "usage: weftctl [-s SOCKET] [--json] [WORDS...]\n"
         "       weftctl [-s SOCKET] [--json] [-e] -f FILE\n"
         "\n"
         "Runs one command of weftd, the commands of a file, or without either a shell; on\n"
         "a pipe it runs the lines of standard input. \"weftctl help\" lists the commands.\n"
         "\n" +
         GridText(grid, 80) +
         "\n"
         "Exit status: 0 done, 1 a command or the connection failed, 2 called wrongly.\n";
}

absl::StatusOr<WeftctlOptions> ParseWeftctlOptions(
    const std::vector<std::string>& arguments,
    const std::function<const char*(const char*)>& environment, unsigned uid) {
  WeftctlOptions options;
  bool words_only = false;  // behind "--"
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (!words_only && argument == "--json") {
      options.json = true;  // also behind the words, where one adds it to the last command
    } else if (!words_only && options.words.empty() && argument == "--") {
      words_only = true;
    } else if (words_only || !options.words.empty() || !argument.starts_with("-")) {
      options.words.push_back(argument);
    } else if (absl::Status read = ReadOption(arguments, i, options); !read.ok()) {
      return read;
    }
  }
  if (!options.file.empty() && !options.words.empty()) {
    return absl::InvalidArgumentError("there are both a file and a command to run");
  }
  if (options.socket.empty()) options.socket = DefaultSocket(environment, uid);
  return options;
}

}  // namespace weft
