// SPDX-License-Identifier: Apache-2.0
#include "core/shell/client_commands.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/shell/arguments.h"

namespace weft {
namespace {

// Reached by other clients, and by `watch watch`.
absl::StatusOr<Reply> NotHere(std::string_view words) {
  return absl::FailedPreconditionError(
      absl::StrFormat("weftd does not run %s: weftctl does, where the word stands in full at the "
                      "beginning of a line",
                      words));
}

Argument Keyword(std::string_view name, std::string_view help, std::string_view value = "") {
  return {.name = name, .help = help, .optional = true, .keyword = true, .value = value};
}

Argument Number(std::string_view name, std::string_view help) {
  return {
      .name = name, .kind = ArgumentKind::kCount, .help = help, .optional = true, .keyword = true};
}

Command CaptureCommand() {
  Command command{.words = kCapture,
                  .arguments = {Keyword("-w",
                                        "the file, which --json needs; without it standard "
                                        "output, which must be no terminal",
                                        kFileValue)},
                  .help =
                      "Captures packets as pcapng, for Wireshark and tshark, until Ctrl-C or a "
                      "limit ends it",
                  .shape = Shape::Record(CaptureColumns()),
                  .run = [](const Arguments&) { return NotHere(kCapture); }};
  for (Argument& argument : CaptureArguments()) command.arguments.push_back(std::move(argument));
  return command;
}

// Whether a word behind the command's own can belong to it.
bool CanFollow(const Command& command, const Word& next) {
  const std::vector<Argument>& arguments = command.arguments;
  const bool others =
      arguments.empty() || std::any_of(arguments.begin(), arguments.end(),
                                       [](const Argument& argument) { return !argument.keyword; });
  return others || next.quoted ||
         std::any_of(arguments.begin(), arguments.end(),
                     [&](const Argument& argument) { return argument.name == next.text; });
}

}  // namespace

std::vector<Column> CaptureColumns() {
  return {{"packets", "that are in the file", CellKind::kCounter},
          {"lost", "packets that found a worker's ring full", CellKind::kCounter}};
}

std::vector<Argument> CaptureArguments() {
  return {
      Keyword("port", "what comes in from this port or leaves by it", "port"),
      Keyword("node", "what this node decides on, or what leaves it by NODE.NEXT", "node"),
      Keyword("drop", "what is dropped for this reason, or for any"),
      Keyword("filter",
              "only what passes this filter of libpcap's language; it sees the first 256 bytes"),
      Number("count", "ends after so many packets, 1000 if not said"),
      Number("bytes", "ends after so many bytes of them, 64 MiB if not said"),
      Number("seconds", "ends after that time, 60 if not said"),
      Number("snaplen", "bytes kept of a packet, all if not said")};
}

std::vector<Argument> InjectArguments() {
  return {{.name = "port",
           .help = "where the frame is to have come from",
           .keyword = true,
           .value = "port"},
          {.name = "length",
           .kind = ArgumentKind::kCount,
           .help = "of the frame in bytes, if it is longer than what follows; the rest is zero",
           .optional = true,
           .keyword = true},
          {.name = "frame",
           .kind = ArgumentKind::kRest,
           .help = "its bytes in hexadecimal; or a pcap or pcapng file, which weftctl reads",
           .value = kFileValue}};
}

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
       .shape = Shape::Other("a line each round: the command's data, where each counter NAME has a "
                             "number NAME/s beside it"),
       .run = [](const Arguments&) { return NotHere(kWatch); }},
      CaptureCommand(),
      {.words = kExtcap,
       .arguments = {{.name = "arguments",
                      .kind = ArgumentKind::kRest,
                      .help = "those of Wireshark's extcap interface, as --extcap-interfaces",
                      .optional = true}},
       .help = "What Wireshark and tshark call, by weft-extcap, to capture on weft's ports",
       .shape = Shape::None("Wireshark's extcap interface has a form of its own"),
       .run = [](const Arguments&) { return NotHere(kExtcap); }},
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
       .shape = Shape::Text("a line for each case; of cases that fail it is on standard error"),
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
        std::equal(own->begin(), own->end(), line.begin(), same) &&
        (line.size() == own->size() || CanFollow(command, line[own->size()]))) {
      return FoundClientCommand{std::move(command), own->size()};
    }
  }
  return std::nullopt;
}

}  // namespace weft
