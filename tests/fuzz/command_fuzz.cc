// SPDX-License-Identifier: Apache-2.0
// Links: weft_shell
// Commands that a plugin may declare, well or badly, and lines for them: what is declared badly is
// refused, with a sentence; what is accepted can be found, explained, completed and run, and a
// command gets the values of the arguments that it has declared and no others.
//
// The input is a list of commands (see DeclareOne), a zero byte, and lines.
#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/shell/command_table.h"
#include "core/shell/words.h"
#include "tests/fuzz/input.h"

namespace weft {
namespace {

using fuzz::InputReader;
using fuzz::Require;

constexpr size_t kMostCommands = 64;

// Words of commands, names of arguments; the last of them are no names.
constexpr std::array<std::string_view, 16> kWords{
    "show", "set", "s",    "port",   "por", "trace-on", "a", "9",
    "help", "all", "node", "colour", "",    "Show",     "_", "no name"};

// A name as docs/dev says it: kebab-case.
bool IsName(std::string_view word) {
  constexpr std::string_view kMay = "abcdefghijklmnopqrstuvwxyz0123456789-";
  return !word.empty() && word.find_first_not_of(kMay) == word.npos;
}

class Shell {
 public:
  void Run(InputReader& input) {
    for (uint8_t what = input.Byte(); what != 0 && names_.size() < kMostCommands;
         what = input.Byte()) {
      DeclareOne(what, input);
    }
    table_.AddValues({.kind = "port", .list = [] { return Ports(); }}, "fuzz");
    const auto rest = input.Bytes(1 << 16);
    const std::string_view text(reinterpret_cast<const char*>(rest.data()), rest.size());
    CheckDeclared();
    for (size_t begin = 0; begin <= text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      Type(text.substr(begin, end - begin));
      begin = end + 1;
    }
    table_.Remove("fuzz");
    Require(table_.All().size() == 1, "what a plugin has brought goes with it");
  }

 private:
  static std::vector<std::string> Ports() { return {"web-1", "show", "a b", ""}; }
  // Text that lasts as long as the table.
  std::string_view Keep(std::string text) { return texts_.emplace_back(std::move(text)); }

  // A byte each: how many words there are (2 bits), arguments (2), and whether it has help and
  // something to run (2); then for each word and argument what it is.
  void DeclareOne(uint8_t what, InputReader& input) {
    Command command;
    std::string words;
    for (size_t i = 0; i < (what & 3U); ++i) {
      words += (i == 0 ? "" : " ") + std::string(WordOf(input));
    }
    command.words = Keep(words);
    command.help = (what & 0x10) != 0 ? "" : "What it does.";
    command.shape = Shape::Text("what was given");
    for (size_t i = 0; i < (what >> 2 & 3U); ++i) command.arguments.push_back(ArgumentOf(input));
    if ((what & 0x20) == 0) {
      command.run = [given = command.arguments](const Arguments& arguments) {
        return Given(given, arguments);
      };
    }
    const bool good = IsGood(command);
    const bool taken = words == "help" || names_.contains(words);
    const absl::Status status = table_.Add(command, "fuzz");
    Require(status.ok() == (good && !taken), "what is declared well is accepted, once");
    Require(status.ok() || !status.message().empty(), "a refusal says why");
    if (!status.ok()) return;
    names_.insert(words);
    more_help_ = more_help_ || words.starts_with("help ");
  }

  std::string_view WordOf(InputReader& input) {
    const uint8_t choice = input.Byte();
    // Many of a kind; or one of few.
    if (choice >= 0xc0) return Keep("w" + std::to_string(choice & 0x3f));
    return kWords[choice % kWords.size()];
  }

  Argument ArgumentOf(InputReader& input) {
    Argument argument{.name = WordOf(input)};
    const uint8_t what = input.Byte();
    constexpr std::array<ArgumentKind, 8> kKinds{
        ArgumentKind::kText, ArgumentKind::kCount,       ArgumentKind::kNumber,
        ArgumentKind::kFlag, ArgumentKind::kRest,        ArgumentKind::kCommandName,
        ArgumentKind::kText, ArgumentKind::kCommandLine,
    };
    argument.kind = kKinds[what & 7];
    argument.optional = (what & 8) != 0;
    argument.keyword = (what & 16) != 0;
    argument.help = (what & 0xe0) == 0xe0 ? "" : "what it is";
    if ((what & 32) != 0) argument.value = "port";
    if ((what & 64) != 0) {
      argument.complete = [] {
        return std::vector<std::string>(CommandTable::kMaxCandidates + 1, "many");
      };
    }
    return argument;
  }

  // What core/shell/command.h asks of a declaration.
  static bool IsGood(const Command& command) {
    std::string_view words = command.words;
    for (;;) {
      const size_t blank = std::min(words.find(' '), words.size());
      if (!IsName(words.substr(0, blank))) return false;
      if (blank == words.size()) break;
      words.remove_prefix(blank + 1);
    }
    std::set<std::string_view> names;
    bool optional_before = false;
    for (size_t i = 0; i < command.arguments.size(); ++i) {
      const Argument& argument = command.arguments[i];
      const bool keyword = argument.keyword || argument.kind == ArgumentKind::kFlag;
      if (!IsName(argument.name) || argument.help.empty()) return false;
      if (!names.insert(argument.name).second) return false;
      if (TakesRest(argument) && (keyword || i + 1 != command.arguments.size())) return false;
      if (keyword) continue;
      if (optional_before && !argument.optional) return false;
      optional_before = argument.optional;
    }
    return !command.help.empty() && command.run != nullptr;
  }

  // Says which arguments it got.
  static absl::StatusOr<Reply> Given(const std::vector<Argument>& declared,
                                     const Arguments& arguments) {
    std::string text;
    for (const Argument& argument : declared) {
      if (!arguments.Has(argument.name)) {
        Require(argument.optional || argument.kind == ArgumentKind::kFlag,
                "what is required is there");
        continue;
      }
      const bool number =
          argument.kind == ArgumentKind::kCount || argument.kind == ArgumentKind::kNumber;
      const bool text_there = arguments.Text(argument.name, "\n") != "\n";
      Require(text_there != number, "text and numbers are apart");
      text += std::string(argument.name) + " ";
    }
    return Reply(text);
  }

  // Each can be asked about by its whole name.
  void CheckDeclared() {
    Require(table_.All().size() == names_.size() + 1, "commands");
    for (const std::string& name : names_) {
      Require(table_.ShapeOf(name).ok(), "a command is found by its words");
      // `help help` may be a command by now.
      Require(more_help_ || table_.Run("help " + name).ok(), "a command is explained");
    }
  }

  void Type(std::string_view line) {
    const absl::StatusOr<Reply> reply = table_.Run(line);
    Require(reply.ok() || !reply.status().message().empty(), "an error says what is wrong");
    Require(!reply.ok() || table_.ShapeOf(line).ok(), "what runs has a shape");
    const Completion completion = table_.Complete(line);
    Require(completion.start <= line.size(), "completion starts in the line");
    Require(completion.candidates.size() <= CommandTable::kMaxCandidates, "not too many");
    for (const Candidate& candidate : completion.candidates) {
      Require(!candidate.help.empty() && !candidate.text.empty(), "a candidate explains itself");
      if (candidate.placeholder) continue;
      const std::string longer = std::string(line.substr(0, completion.start)) + candidate.text;
      if (longer.size() > kMaxLine) continue;
      const auto words = SplitWords(longer);
      Require(words.ok() && !words->empty() && words->back().start == completion.start,
              "a candidate is one word");
    }
    (void)table_.Run("help " + std::string(line.substr(0, kMaxLine / 2)));
  }

  std::deque<std::string> texts_;
  CommandTable table_;
  std::set<std::string> names_;  // of the commands that were accepted
  bool more_help_ = false;
};

}  // namespace
}  // namespace weft

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weft::fuzz::InputReader input(data, size);
  weft::Shell().Run(input);
  return 0;
}
