// SPDX-License-Identifier: Apache-2.0
#include "core/shell/client_commands.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"

namespace weft {
namespace {

// Reached by other clients, and by `watch watch`.
absl::StatusOr<Reply> NotHere(std::string_view words) {
  return absl::FailedPreconditionError(
      absl::StrFormat("weftd does not run %s: weftctl does, at the beginning of a line", words));
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
      {.words = kPluginNew,
       .arguments = {{.name = "name", .help = "of the plugin, and of its folder"}},
       .help =
           "Writes a plugin into a folder of its own: a node, its build, test, benchmark and page",
       .shape = Shape::Text("what to do next"),
       .run = [](const Arguments&) { return NotHere(kPluginNew); }},
      {.words = kPluginTest,
       .arguments = {{.name = "cases",
                      .kind = ArgumentKind::kRest,
                      .help = "files; without any all *.case of this folder",
                      .optional = true}},
       .help =
           "Runs cases of a plugin in memory: startup.conf, frames, and what is to come of them",
       .shape = Shape::Text("a line for each case, and what is not as it says"),
       .run = [](const Arguments&) { return NotHere(kPluginTest); }},
      {.words = kExit,
       .help = "Leaves the shell, as quit and Ctrl-D do",
       .shape = Shape::Text("nothing"),
       .run = [](const Arguments&) { return NotHere(kExit); }},
  };
}

std::optional<FoundClientCommand> FindClientCommand(std::span<const Word> line) {
  for (Command& command : ClientCommands()) {
    const absl::StatusOr<std::vector<Word>> own = SplitWords(command.words);
    const auto same = [](const Word& a, const Word& b) { return !b.quoted && a.text == b.text; };
    if (own.ok() && line.size() >= own->size() &&
        std::equal(own->begin(), own->end(), line.begin(), same)) {
      return FoundClientCommand{std::move(command), own->size()};
    }
  }
  return std::nullopt;
}

}  // namespace weft
