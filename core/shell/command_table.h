// SPDX-License-Identifier: Apache-2.0
// All commands of the shell. Rooms and plugins add theirs under their own name as owner; a plugin
// that leaves takes them away again. Owned by the daemon; control thread only.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/shell/command.h"
#include "core/shell/reply.h"
#include "core/shell/words.h"

namespace weft {

// One way to go on with a line.
struct Candidate {
  std::string text;  // what to type, quoted if it has to be; or what is expected: "COUNT"
  std::string help;
  bool placeholder = false;  // `text` says what is expected and is not to be inserted
};
struct Completion {
  size_t start = 0;  // the candidates replace the line from this byte on
  std::vector<Candidate> candidates;
};

class CommandTable {
 public:
  // Starts with one command, `help`.
  CommandTable();
  CommandTable(const CommandTable&) = delete;
  CommandTable& operator=(const CommandTable&) = delete;

  // Adds a command for `owner`. AlreadyExists: those words are taken, names by whom.
  // InvalidArgument: words, or an argument's name, are not kebab-case, or no help, no run, a
  // required argument after an optional one, kRest not last, an argument named twice.
  absl::Status Add(Command command, std::string_view owner);
  // Where completion finds values of a kind; the last source of a kind counts.
  void AddValues(ValueSource source, std::string_view owner);
  // Removes what `owner` added. The table holds no function of it afterwards, unless one of them is
  // just running.
  void Remove(std::string_view owner);

  // Runs one line. Its errors: InvalidArgument with a sentence for the person who typed it, or what
  // the command said.
  absl::StatusOr<Reply> Run(std::string_view line) const;

  // What the command of this line answers in JSON. Errors as of Run; its arguments may be missing.
  absl::StatusOr<Shape> ShapeOf(std::string_view line) const;

  // All commands by their words, as long as the table does not change.
  std::vector<const Command*> All() const;

  // What can stand at the end of `line`, at most kMaxCandidates. Never fails: no candidates if the
  // line is already wrong.
  static constexpr size_t kMaxCandidates = 1000;
  Completion Complete(std::string_view line) const;

 private:
  struct Entry {
    std::vector<std::string> words;
    Command command;
    std::string owner;
  };
  using EntryPtr = std::shared_ptr<const Entry>;
  // The entries that agree with the first `depth` words of a line.
  struct Match {
    std::vector<EntryPtr> fits;
    size_t depth = 0;
    // The one of `fits` that has no more words; null if none.
    EntryPtr Whole() const;
    // The words that can follow, sorted.
    std::vector<std::string_view> NextWords() const;
    // "show": the words so far, in full.
    std::string Prefix() const;
  };
  struct OwnedValues {
    ValueSource source;
    std::string owner;
  };

  // Follows `words` as far as they are words of commands. InvalidArgument if one is ambiguous.
  absl::StatusOr<Match> Follow(const std::vector<Word>& words) const;
  // The command of a line, and how many of its words are the command's own.
  struct Found {
    EntryPtr entry;
    size_t depth = 0;
  };
  absl::StatusOr<Found> Find(const std::vector<Word>& words) const;
  static absl::Status Unknown(const Match& match, const std::vector<Word>& words);
  // `arguments`: behind a whole command its arguments can follow.
  std::vector<Candidate> CompleteWords(std::vector<Word> before, const Word& last,
                                       bool arguments) const;
  std::vector<std::string> ValuesOf(const Argument& argument) const;
  absl::StatusOr<Reply> Help(std::string_view line) const;
  static Reply HelpFor(const Command& command);

  std::vector<EntryPtr> entries_;  // sorted by words
  std::vector<OwnedValues> values_;
};

}  // namespace weft
