// SPDX-License-Identifier: Apache-2.0
#include "core/shell/command_table.h"

#include <algorithm>
#include <span>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/shell/arguments.h"
#include "core/shell/other_words.h"
#include "core/shell/utf8.h"

namespace weft {
namespace {

constexpr std::string_view kHelp = "help";
constexpr size_t kListed = 40;  // names in an error message

bool IsKebab(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

// A sentence on what is wrong with the declaration; empty if nothing is.
std::string FaultOf(const Command& command, const std::vector<std::string>& words) {
  if (!std::all_of(words.begin(), words.end(), IsKebab)) return "its words are not kebab-case";
  if (command.help.empty() || !command.run) return "it has no help or nothing to run";
  bool optional = false;
  for (auto it = command.arguments.begin(); it != command.arguments.end(); ++it) {
    const bool keyword = it->keyword || it->kind == ArgumentKind::kFlag;
    if (!IsKebab(it->name)) return "the name of an argument is not kebab-case";
    if (it->help.empty()) return absl::StrFormat("argument %s has no help", it->name);
    if (!keyword && !it->optional && optional) {
      return absl::StrFormat("required argument %s follows an optional one", it->name);
    }
    if (!keyword) optional = it->optional;
    if (TakesRest(*it) && (keyword || it + 1 != command.arguments.end())) {
      return absl::StrFormat("argument %s takes the rest, but is not the last", it->name);
    }
    if (std::any_of(command.arguments.begin(), it,
                    [&](const Argument& other) { return other.name == it->name; })) {
      return absl::StrFormat("argument %s is declared twice", it->name);
    }
  }
  return {};
}

std::string List(const std::vector<std::string_view>& names) {
  std::string list;
  for (size_t i = 0; i < std::min(names.size(), kListed); ++i) {
    list += absl::StrFormat("%s%s", i == 0 ? "" : ", ", names[i]);
  }
  return names.size() > kListed ? list + ", ..." : list;
}

std::vector<Column> HelpColumns() {
  return {{"command", "how it is typed"}, {"help", "what it does"}};
}

std::vector<Column> ArgumentColumns() {
  return {{"argument", "how it is typed"}, {"help", "what it is"}};
}

}  // namespace

CommandTable::CommandTable() {
  Command help{
      .words = kHelp,
      .arguments = {{.name = "command",
                     .kind = ArgumentKind::kCommandName,
                     .help = "words of a command, or the first of them",
                     .optional = true}},
      .help = "Lists the commands, or explains one.",
      .shape = Shape::OneOf(
          {{"several commands", Shape::Rows(HelpColumns())},
           {"one command", Shape::Sections({{"Usage", Shape::Text("how it is typed")},
                                            {"Help", Shape::Text("what it does")},
                                            {"Arguments", Shape::Rows(ArgumentColumns())}})}}),
      .run = [this](const Arguments& arguments) { return Help(arguments.Text("command")); }};
  entries_.push_back(std::make_shared<Entry>(
      Entry{.words = {std::string(kHelp)}, .command = std::move(help), .owner = "shell"}));
}

absl::Status CommandTable::Add(Command command, std::string_view owner) {
  const std::vector<std::string> words = absl::StrSplit(std::string(command.words), ' ');
  if (const std::string fault = FaultOf(command, words); !fault.empty()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s cannot add the command \"%s\": %s", owner, command.words, fault));
  }
  const auto at = std::lower_bound(
      entries_.begin(), entries_.end(), words,
      [](const EntryPtr& entry, const std::vector<std::string>& w) { return entry->words < w; });
  if (at != entries_.end() && (*at)->words == words) {
    return absl::AlreadyExistsError(absl::StrFormat("%s cannot add the command \"%s\": %s has it",
                                                    owner, command.words, (*at)->owner));
  }
  entries_.insert(at,
                  std::make_shared<Entry>(Entry{words, std::move(command), std::string(owner)}));
  return absl::OkStatus();
}

void CommandTable::Remove(std::string_view owner) {
  std::erase_if(entries_, [owner](const EntryPtr& entry) { return entry->owner == owner; });
  std::erase_if(values_, [owner](const OwnedValues& values) { return values.owner == owner; });
}

CommandTable::EntryPtr CommandTable::Match::Whole() const {
  for (const EntryPtr& entry : fits) {
    if (entry->words.size() == depth) return entry;
  }
  return nullptr;
}

std::vector<std::string_view> CommandTable::Match::NextWords() const {
  std::vector<std::string_view> next;
  for (const EntryPtr& entry : fits) {  // sorted, so equal words are neighbours
    if (entry->words.size() > depth && (next.empty() || next.back() != entry->words[depth])) {
      next.push_back(entry->words[depth]);
    }
  }
  return next;
}

std::string CommandTable::Match::Prefix() const {
  const std::vector<std::string>& words = fits.front()->words;
  return absl::StrJoin(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(depth), " ");
}

absl::StatusOr<CommandTable::Match> CommandTable::Follow(const std::vector<Word>& words) const {
  Match match{.fits = entries_, .depth = 0};
  for (const Word& word : words) {
    const EntryPtr whole = match.Whole();
    if (whole && word.quoted) break;
    std::vector<std::string_view> next = match.NextWords();
    // Where an argument can stand, only a full word is a word: a port may be called "sh".
    const bool exact = std::find(next.begin(), next.end(), word.text) != next.end() ||
                       (whole && !whole->command.arguments.empty()) || word.text.empty();
    std::erase_if(next, [&](std::string_view candidate) {
      return exact ? candidate != word.text : !candidate.starts_with(word.text);
    });
    if (next.empty()) break;
    if (next.size() > 1) {
      return absl::InvalidArgumentError(
          absl::StrFormat("\"%s\" is ambiguous: %s", Printable(word.text), List(next)));
    }
    std::erase_if(match.fits, [&, chosen = std::string(next[0])](const EntryPtr& entry) {
      return entry->words.size() <= match.depth || entry->words[match.depth] != chosen;
    });
    ++match.depth;
  }
  return match;
}

absl::Status CommandTable::Unknown(const Match& match, const std::vector<Word>& words) {
  const std::vector<std::string_view> next = match.NextWords();
  if (match.depth == words.size()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("\"%s\" goes on with one of: %s", match.Prefix(), List(next)));
  }
  const std::string& word = words[match.depth].text;
  std::string_view closest = OurWords(match.depth == 0 ? word : match.Prefix() + " " + word);
  if (closest.empty()) closest = Closest(word, next);
  const std::string suggestion =
      closest.empty() ? "" : absl::StrFormat(" (did you mean \"%s\"?)", closest);
  if (match.depth == 0) {
    return absl::InvalidArgumentError(absl::StrFormat("unknown command \"%s\"%s; there are: %s",
                                                      Printable(word), suggestion, List(next)));
  }
  return absl::InvalidArgumentError(absl::StrFormat("\"%s\" has no \"%s\"%s; it has: %s",
                                                    match.Prefix(), Printable(word), suggestion,
                                                    List(next)));
}

absl::StatusOr<CommandTable::Found> CommandTable::Find(const std::vector<Word>& words) const {
  if (words.empty()) {
    return absl::InvalidArgumentError("the line is empty; \"help\" lists the commands");
  }
  const absl::StatusOr<Match> match = Follow(words);
  if (!match.ok()) return match.status();
  EntryPtr entry = match->Whole();
  const bool more = words.size() > match->depth;
  if (!entry || (more && entry->command.arguments.empty() && match->fits.size() > 1)) {
    return Unknown(*match, words);
  }
  return Found{std::move(entry), match->depth};
}

absl::StatusOr<Reply> CommandTable::Run(std::string_view line) const {
  const absl::StatusOr<std::vector<Word>> words = SplitWords(line);
  if (!words.ok()) return words.status();
  // Keeps the entry while it runs, even if it removes itself.
  const absl::StatusOr<Found> found = Find(*words);
  if (!found.ok()) return found.status();
  const Command& command = found->entry->command;
  const absl::StatusOr<Arguments> arguments =
      ParseArguments(command, std::span(*words).subspan(found->depth));
  if (!arguments.ok()) return arguments.status();
  return command.run(*arguments);
}

absl::StatusOr<Shape> CommandTable::ShapeOf(std::string_view line) const {
  const absl::StatusOr<std::vector<Word>> words = SplitWords(line);
  if (!words.ok()) return words.status();
  const absl::StatusOr<Found> found = Find(*words);
  if (!found.ok()) return found.status();
  return found->entry->command.shape;
}

std::vector<const Command*> CommandTable::All() const {
  std::vector<const Command*> commands;
  for (const EntryPtr& entry : entries_) commands.push_back(&entry->command);
  return commands;
}

void CommandTable::AddValues(ValueSource source, std::string_view owner) {
  values_.push_back({std::move(source), std::string(owner)});
}

std::vector<std::string> CommandTable::ValuesOf(const Argument& argument) const {
  if (argument.complete) return argument.complete();
  const auto known = std::find_if(values_.rbegin(), values_.rend(), [&](const OwnedValues& values) {
    return values.source.kind == argument.value;
  });
  return known == values_.rend() ? std::vector<std::string>() : known->source.list();
}

Completion CommandTable::Complete(std::string_view line) const {
  absl::StatusOr<std::vector<Word>> words = SplitUnfinished(line);
  if (!words.ok()) return {};
  const Word last = words->back();
  words->pop_back();
  Completion completion{.start = last.start,
                        .candidates = CompleteWords(*std::move(words), last, true)};
  if (completion.candidates.size() > kMaxCandidates) completion.candidates.resize(kMaxCandidates);
  return completion;
}

std::vector<Candidate> CommandTable::CompleteWords(std::vector<Word> before, const Word& last,
                                                   bool arguments) const {
  std::vector<Candidate> candidates;
  const absl::StatusOr<Match> match = Follow(before);
  if (!match.ok()) return candidates;
  const EntryPtr whole = match->Whole();
  if (match->depth == before.size() && !(last.quoted && whole)) {
    for (const std::string_view next : match->NextWords()) {
      if (!next.starts_with(last.text)) continue;
      // A command's own help, or the words that follow where there is more than one.
      Match through{.fits = match->fits, .depth = match->depth + 1};
      std::erase_if(through.fits, [&](const EntryPtr& entry) {
        return entry->words.size() < through.depth || entry->words[match->depth] != next;
      });
      const EntryPtr command = through.Whole();
      candidates.push_back(
          {std::string(next),
           command ? std::string(command->command.help) : List(through.NextWords()), false});
    }
  }
  if (!whole || !arguments) return candidates;
  const std::vector<Word> behind(before.begin() + static_cast<std::ptrdiff_t>(match->depth),
                                 before.end());
  const auto inner = FindInnerLine(whole->command, behind);
  if (inner) {
    const std::vector<Word> line(behind.begin() + static_cast<std::ptrdiff_t>(inner->start),
                                 behind.end());
    candidates = CompleteWords(line, last, !inner->name);
  }
  if (!inner || inner->start == behind.size()) {
    for (Candidate& candidate : CompleteArguments(
             whole->command, behind, last, [this](const Argument& a) { return ValuesOf(a); })) {
      candidates.push_back(std::move(candidate));
    }
  }
  return candidates;
}

absl::StatusOr<Reply> CommandTable::Help(std::string_view line) const {
  const absl::StatusOr<std::vector<Word>> words = SplitWords(line);
  if (!words.ok()) return words.status();
  const absl::StatusOr<Match> match = Follow(*words);
  if (!match.ok()) return match.status();
  if (match->depth < words->size()) return Unknown(*match, *words);
  if (match->fits.size() == 1) return HelpFor(match->fits[0]->command);
  Table table{.columns = HelpColumns()};
  for (const EntryPtr& entry : match->fits) {
    table.rows.push_back({Usage(entry->command), std::string(entry->command.help)});
  }
  return table;
}

Reply CommandTable::HelpFor(const Command& command) {
  Table arguments{.columns = ArgumentColumns(), .if_empty = "none"};
  for (const Argument& argument : command.arguments) {
    arguments.rows.push_back({Placeholder(argument), std::string(argument.help)});
  }
  return Sections{{{"Usage", Usage(command)},
                   {"Help", std::string(command.help)},
                   {"Arguments", std::move(arguments)}}};
}

}  // namespace weft
