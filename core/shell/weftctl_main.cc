// SPDX-License-Identifier: Apache-2.0
// weftctl: runs commands of weftd from the command line, from a file or a pipe, or as a shell.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "core/shell/interactive.h"
#include "core/shell/weftctl.h"
#include "core/shell/weftctl_options.h"

namespace {

int RunFile(weft::ControlClient& client, const weft::WeftctlOptions& options,
            weft::Display display) {
  display.pager.clear();  // a script does not wait for keys
  if (options.file.empty() || options.file == "-") {
    return weft::RunScript(client, stdin, "stdin", options.stop, display);
  }
  FILE* file = std::fopen(options.file.c_str(), "re");
  if (file == nullptr) {
    std::fprintf(stderr, "weftctl: cannot read \"%s\": %s\n", options.file.c_str(),
                 std::strerror(errno));
    return weft::kExitError;
  }
  const int status = weft::RunScript(client, file, options.file, options.stop, display);
  std::fclose(file);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  const auto environment = [](const char* name) { return std::getenv(name); };
  const auto options = weft::ParseWeftctlOptions(arguments, environment, geteuid());
  if (!options.ok()) {
    const std::string message(options.status().message());
    std::fprintf(stderr, "weftctl: %s\n%s", message.c_str(), weft::WeftctlUsage().c_str());
    return weft::kExitUsage;
  }
  if (options->help) {
    std::fputs(weft::WeftctlUsage().c_str(), stdout);
    return weft::kExitDone;
  }
  weft::ControlClient client(options->socket);
  weft::Display display = weft::DisplayOf(environment);
  display.json = options->json;
  const std::vector<std::string>& words = options->words;
  const std::string line = weft::LineOf(words);
  if (options->complete) return weft::PrintCandidates(client, line, display);
  if (options->schema) return weft::PrintSchema(client, line, display);
  if (!words.empty()) return weft::RunLine(client, line, display);
  if (options->file.empty() && isatty(STDIN_FILENO) != 0) {
    return weft::RunInteractive(client, display);
  }
  return RunFile(client, *options, display);
}
