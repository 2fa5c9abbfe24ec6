// SPDX-License-Identifier: Apache-2.0
#include "core/shell/arguments.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/shell/utf8.h"

namespace weft {
namespace {

bool IsKeyword(const Argument& argument) {
  return argument.keyword || argument.kind == ArgumentKind::kFlag;
}

absl::Status UsageError(const Command& command, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrFormat("%s; usage: %s", what, Usage(command)));
}

// Gives words to arguments one by one; shared by parsing and completion, so that both agree.
class Assignment {
 public:
  explicit Assignment(const Command& command) : command_(command) {}

  // The argument that takes `word`, null if there is none. For a keyword with a value that is the
  // keyword itself, and pending() takes the next word.
  const Argument* Take(const Word& word) {
    if (pending_ != nullptr) return std::exchange(pending_, nullptr);
    if (rest_ != nullptr) return rest_;
    if (const Argument* keyword = word.quoted ? nullptr : Keyword(word.text)) {
      if (keyword->kind != ArgumentKind::kFlag) pending_ = keyword;
      used_.push_back(keyword);
      return keyword;
    }
    const Argument* next = NextPositional();
    if (next == nullptr) return nullptr;
    used_.push_back(next);
    if (TakesRest(*next)) rest_ = next;
    return next;
  }

  // The keyword that waits for its value.
  const Argument* pending() const { return pending_; }
  const Argument* rest() const { return rest_; }
  bool Used(const Argument& argument) const {
    return std::find(used_.begin(), used_.end(), &argument) != used_.end();
  }
  const Argument* NextPositional() const {
    for (const Argument& argument : command_.arguments) {
      if (!IsKeyword(argument) && !Used(argument)) return &argument;
    }
    return nullptr;
  }
  // The first required argument that no word was given to.
  const Argument* Missing() const {
    for (const Argument& argument : command_.arguments) {
      if (!argument.optional && argument.kind != ArgumentKind::kFlag && !Used(argument)) {
        return &argument;
      }
    }
    return nullptr;
  }

 private:
  const Argument* Keyword(std::string_view word) const {
    for (const Argument& argument : command_.arguments) {
      if (IsKeyword(argument) && argument.name == word) return &argument;
    }
    return nullptr;
  }

  const Command& command_;
  std::vector<const Argument*> used_;
  const Argument* pending_ = nullptr;
  const Argument* rest_ = nullptr;
};

absl::Status NoNumber(const Command& command, const Argument& argument, const Word& word) {
  return UsageError(command,
                    absl::StrFormat("\"%s\" is no number for %s (%s)", Printable(word.text),
                                    Placeholder(argument), argument.help));
}

absl::Status SetValue(const Command& command, const Argument& argument, const Word& word,
                      Arguments& arguments) {
  switch (argument.kind) {
    case ArgumentKind::kRest:
    case ArgumentKind::kCommandName:
    case ArgumentKind::kCommandLine: {
      const std::string before(arguments.Text(argument.name));
      std::string text = word.text;
      if (argument.kind == ArgumentKind::kCommandLine && word.quoted) {
        text = QuoteAlways(word.text);
      } else if (argument.kind != ArgumentKind::kCommandName) {
        text = Quote(word.text);
      }
      arguments.Set(argument.name, before.empty() ? text : before + " " + text);
      break;
    }
    case ArgumentKind::kNumber: {
      double number = 0;
      const bool digits =
          !word.text.empty() && word.text.find_first_not_of("0123456789.") == std::string::npos;
      if (!digits || !absl::SimpleAtod(word.text, &number))
        return NoNumber(command, argument, word);
      arguments.Set(argument.name, number);
      break;
    }
    case ArgumentKind::kCount: {
      uint64_t count = 0;
      const bool digits =
          !word.text.empty() && std::all_of(word.text.begin(), word.text.end(),
                                            [](char c) { return c >= '0' && c <= '9'; });
      if (!digits || !absl::SimpleAtoi(word.text, &count)) return NoNumber(command, argument, word);
      arguments.Set(argument.name, count);
      break;
    }
    default:
      arguments.Set(argument.name, word.text);
  }
  return absl::OkStatus();
}

bool IsNumber(const Argument& argument) {
  return argument.kind == ArgumentKind::kCount || argument.kind == ArgumentKind::kNumber;
}

void AddValues(const Argument& argument, const Word& last, const ValuesOf& values,
               std::vector<Candidate>& candidates) {
  bool any = false;
  for (const std::string& value : values(argument)) {
    any = true;
    if (value.starts_with(last.text)) {
      candidates.push_back({Quote(value), std::string(argument.help), false});
    }
  }
  // Without values to choose from, say what is expected.
  if (!any) {
    const std::string value = absl::AsciiStrToUpper(
        IsNumber(argument) && argument.keyword ? "n" : std::string(argument.name));
    const bool file = argument.value == kFileValue;
    candidates.push_back(
        {file ? std::string(kFilePlaceholder) : value, std::string(argument.help), true});
  }
}

}  // namespace

std::string Placeholder(const Argument& argument) {
  const std::string name(argument.name);
  if (argument.kind == ArgumentKind::kFlag) return name;
  if (argument.keyword && argument.value == kFileValue)
    return absl::StrCat(name, " ", std::string(kFilePlaceholder));
  if (argument.keyword) {
    return absl::StrCat(name, " ", IsNumber(argument) ? "N" : absl::AsciiStrToUpper(name));
  }
  return absl::StrCat(absl::AsciiStrToUpper(name), TakesRest(argument) ? "..." : "");
}

std::string Usage(const Command& command) {
  std::string usage(command.words);
  for (const Argument& argument : command.arguments) {
    const bool optional = argument.optional || argument.kind == ArgumentKind::kFlag;
    absl::StrAppend(&usage, optional ? " [" : " ", Placeholder(argument), optional ? "]" : "");
  }
  return usage;
}

absl::StatusOr<Arguments> ParseArguments(const Command& command, std::span<const Word> words) {
  Arguments arguments;
  Assignment assignment(command);
  for (const Word& word : words) {
    const Argument* argument = assignment.Take(word);
    if (argument == nullptr) {
      return UsageError(command, absl::StrFormat("\"%s\" is too much", Printable(word.text)));
    }
    if (assignment.pending() != nullptr) continue;  // its value comes next
    if (!TakesRest(*argument) && arguments.Has(argument->name)) {
      return UsageError(command, absl::StrFormat("\"%s\" is given twice", argument->name));
    }
    if (absl::Status set = SetValue(command, *argument, word, arguments); !set.ok()) return set;
  }
  const Argument* missing = assignment.pending();
  if (missing == nullptr) missing = assignment.Missing();
  if (missing != nullptr) {
    return UsageError(command,
                      absl::StrFormat("%s is missing (%s)", Placeholder(*missing), missing->help));
  }
  return arguments;
}

std::vector<Candidate> CompleteArguments(const Command& command, std::span<const Word> before,
                                         const Word& last, const ValuesOf& values) {
  Assignment assignment(command);
  for (const Word& word : before) {
    if (assignment.Take(word) == nullptr) return {};
  }
  std::vector<Candidate> candidates;
  if (assignment.pending() != nullptr) {
    AddValues(*assignment.pending(), last, values, candidates);
    return candidates;
  }
  if (assignment.rest() != nullptr) {
    AddValues(*assignment.rest(), last, values, candidates);
    return candidates;
  }
  const Argument* next = assignment.NextPositional();
  // An inner line has candidates of its own.
  if (next != nullptr && (!TakesRest(*next) || next->kind == ArgumentKind::kRest)) {
    AddValues(*next, last, values, candidates);
  }
  for (const Argument& argument : command.arguments) {
    if (IsKeyword(argument) && !assignment.Used(argument) && !last.quoted &&
        argument.name.starts_with(last.text)) {
      candidates.push_back({std::string(argument.name), std::string(argument.help), false});
    }
  }
  if (last.text.empty() && !last.quoted && assignment.Missing() == nullptr) {
    candidates.push_back({"<enter>", std::string(command.help), true});
  }
  return candidates;
}

std::optional<InnerLine> FindInnerLine(const Command& command, std::span<const Word> before) {
  const auto inner = [](const Argument* argument) {
    return argument != nullptr && TakesRest(*argument) && argument->kind != ArgumentKind::kRest;
  };
  Assignment assignment(command);
  for (size_t i = 0; i < before.size(); ++i) {
    const Argument* argument = assignment.Take(before[i]);
    if (inner(argument)) return InnerLine{i, argument->kind == ArgumentKind::kCommandName};
  }
  const Argument* next = assignment.NextPositional();
  if (assignment.pending() != nullptr || !inner(next)) return std::nullopt;
  return InnerLine{before.size(), next->kind == ArgumentKind::kCommandName};
}

}  // namespace weft
