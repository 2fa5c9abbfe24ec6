// SPDX-License-Identifier: Apache-2.0
// From typed words to a command's arguments, and from a half-typed line to what may follow. Private
// to the room; control thread.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/shell/command.h"
#include "core/shell/command_table.h"
#include "core/shell/words.h"

namespace weft {

// The kind of value (Argument::value) that only whoever types has: the names of their files. A
// candidate with kFilePlaceholder says that one can stand there.
inline constexpr std::string_view kFileValue = "file";
inline constexpr std::string_view kFilePlaceholder = "FILE";

// The arguments in `words`, which stand behind the command's own words. InvalidArgument: says what
// is missing, too much or no number, and ends with the usage.
absl::StatusOr<Arguments> ParseArguments(const Command& command, std::span<const Word> words);

// The values of an argument that exist now; empty if it has none to choose from.
using ValuesOf = std::function<std::vector<std::string>(const Argument&)>;

// What may stand in place of `last`, given the words between the command's and it.
std::vector<Candidate> CompleteArguments(const Command& command, std::span<const Word> before,
                                         const Word& last, const ValuesOf& values);

// A command in another's arguments, under way.
struct InnerLine {
  size_t start = 0;   // how many of the words before are the outer command's
  bool name = false;  // only the words of a command, without arguments
};
// Where the inner line begins, if the word behind `before` belongs to one.
std::optional<InnerLine> FindInnerLine(const Command& command, std::span<const Word> before);

}  // namespace weft
