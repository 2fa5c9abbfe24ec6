// SPDX-License-Identifier: Apache-2.0
#include "core/shell/client_commands.h"

#include <utility>

#include "absl/strings/str_format.h"

namespace weft {
namespace {

// Reached by other clients, and by `watch watch`.
absl::StatusOr<Reply> NotHere(std::string_view words) {
  return absl::FailedPreconditionError(
      absl::StrFormat("weftd does not %s: weftctl does, as the first word of a line", words));
}

}  // namespace

std::vector<Command> ClientCommands() {
  return {
      {.words = kWatch,
       .arguments = {{.name = "-n",
                      .kind = ArgumentKind::kNumber,
                      .help = "seconds between two rounds, 2 if not said",
                      .optional = true,
                      .keyword = true},
                     {.name = "-c",
                      .kind = ArgumentKind::kCount,
                      .help = "rounds; without it there is no end but Ctrl-C",
                      .optional = true,
                      .keyword = true},
                     {.name = "command",
                      .kind = ArgumentKind::kCommandLine,
                      .help = "what to run again and again"}},
       .help = "Runs a command again and again, and says how fast its counters grow",
       .shape = Shape::Text("with --json a line each round: the command's data, where each counter "
                            "NAME has a number NAME/s beside it"),
       .run = [](const Arguments&) { return NotHere(kWatch); }},
      {.words = kCompletion,
       .arguments = {{.name = "shell",
                      .help = "bash or zsh",
                      .complete =
                          [] {
                            return std::vector<std::string>{"bash", "zsh"};
                          }}},
       .help = "A script that teaches bash or zsh to complete weftctl's words",
       .shape = Shape::Text("the script, as it is"),
       .run = [](const Arguments&) { return NotHere(kCompletion); }},
      {.words = kExit,
       .help = "Leaves the shell, as quit and Ctrl-D do",
       .shape = Shape::Text("nothing"),
       .run = [](const Arguments&) { return NotHere(kExit); }},
  };
}

std::optional<Command> FindClientCommand(std::string_view word) {
  for (Command& command : ClientCommands()) {
    if (command.words == word) return std::move(command);
  }
  return std::nullopt;
}

}  // namespace weft
