// SPDX-License-Identifier: Apache-2.0
// weftctl: runs commands of weftd from the command line, from a pipe, or as a shell.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/shell/interactive.h"
#include "core/shell/weftctl.h"

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  const auto options = weft::ParseWeftctlOptions(
      arguments, [](const char* name) { return std::getenv(name); }, geteuid());
  if (!options.ok()) {
    const std::string message(options.status().message());
    std::fprintf(stderr, "weftctl: %s\n%s", message.c_str(), weft::WeftctlUsage().data());
    return weft::kExitUsage;
  }
  if (options->help) {
    std::fputs(weft::WeftctlUsage().data(), stdout);
    return weft::kExitDone;
  }
  weft::ControlClient client(options->socket);
  const size_t width = weft::TerminalWidth();
  if (!options->words.empty()) {
    return weft::RunLine(client, weft::LineOf(options->words), options->json, width, stdout,
                         stderr);
  }
  if (isatty(STDIN_FILENO) != 0) return weft::RunInteractive(client, options->json);
  return weft::RunScript(client, stdin, options->json, width, stdout, stderr);
}
