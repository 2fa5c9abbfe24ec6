// SPDX-License-Identifier: Apache-2.0
// From typed words to a command's arguments, and from a half-typed line to what may follow. Private
// to the room; control thread.
#pragma once

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "core/shell/command.h"
#include "core/shell/command_table.h"
#include "core/shell/words.h"

namespace weft {

// The arguments in `words`, which stand behind the command's own words. InvalidArgument: says what
// is missing, too much or no number, and ends with the usage.
absl::StatusOr<Arguments> ParseArguments(const Command& command, std::span<const Word> words);

// What may stand in place of `last`, given the words between the command's and it.
std::vector<Candidate> CompleteArguments(const Command& command, std::span<const Word> before,
                                         const Word& last);

}  // namespace weft
