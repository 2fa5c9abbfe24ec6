// SPDX-License-Identifier: Apache-2.0
#include "core/shell/weftctl.h"

#include <cstdlib>

#include "absl/strings/str_format.h"
#include "core/base/runtime_path.h"
#include "core/shell/utf8.h"
#include "core/shell/words.h"

namespace weft {
namespace {

std::string DefaultSocket(const std::function<const char*(const char*)>& environment,
                          unsigned uid) {
  const char* socket = environment("WEFT_SOCKET");
  if (socket != nullptr && *socket != '\0') return socket;
  return DefaultRuntimeDir(uid, environment("XDG_RUNTIME_DIR")) + "/control.sock";
}

}  // namespace

std::string_view WeftctlUsage() {
  return "usage: weftctl [-s SOCKET] [--json] [WORDS...]\n"
         "\n"
         "Runs one command of weftd, or without words a shell; on a pipe it runs the lines of\n"
         "standard input until one fails. \"weftctl help\" lists the commands.\n"
         "\n"
         "  -s, --socket SOCKET  weftd's control socket (default: $WEFT_SOCKET, else\n"
         "                       /run/weft/control.sock for root, else\n"
         "                       $XDG_RUNTIME_DIR/weft/control.sock, else\n"
         "                       /tmp/weft-UID/control.sock)\n"
         "      --json           print the data as JSON\n"
         "  -h, --help           print this\n"
         "\n"
         "Exit status: 0 done, 1 the command or the connection failed, 2 called wrongly.\n";
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
    } else if (argument == "-h" || argument == "--help") {
      options.help = true;
    } else if (argument.starts_with("--socket=")) {
      options.socket = argument.substr(std::string_view("--socket=").size());
    } else if (argument == "-s" || argument == "--socket") {
      if (i + 1 == arguments.size()) {
        return absl::InvalidArgumentError(argument + " needs the path of a socket");
      }
      options.socket = arguments[++i];
    } else {
      return absl::InvalidArgumentError("unknown option \"" + Printable(argument) + "\"");
    }
  }
  if (options.socket.empty()) options.socket = DefaultSocket(environment, uid);
  return options;
}

std::string LineOf(const std::vector<std::string>& words) {
  if (words.size() == 1) return words[0];
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line += ' ';
    line += Quote(word);
  }
  return line;
}

int RunLine(ControlClient& client, std::string_view line, bool json, size_t width, FILE* out,
            FILE* err, std::string_view where) {
  const absl::StatusOr<std::string> answer = json ? client.Json(line) : client.Text(line, width);
  if (!answer.ok()) {
    absl::FPrintF(err, "%s%s\n", where, Printable(std::string(answer.status().message()), "\n"));
    return kExitError;
  }
  const size_t put = fwrite(answer->data(), 1, answer->size(), out);
  if (put != answer->size() || fflush(out) != 0) {
    absl::FPrintF(err, "%scannot write the answer\n", where);
    return kExitError;
  }
  return kExitDone;
}

int RunScript(ControlClient& client, FILE* in, bool json, size_t width, FILE* out, FILE* err) {
  char* buffer = nullptr;
  size_t capacity = 0;
  int number = 0;
  int status = kExitDone;
  while (status == kExitDone) {
    const ssize_t size = getline(&buffer, &capacity, in);
    if (size < 0) break;
    ++number;
    std::string_view line(buffer, static_cast<size_t>(size));
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    const size_t first = line.find_first_not_of(" \t");
    if (first == std::string_view::npos || line[first] == '#') continue;
    status =
        RunLine(client, line, json, width, out, err, absl::StrFormat("weftctl: line %d: ", number));
  }
  free(buffer);
  return status;
}

}  // namespace weft
