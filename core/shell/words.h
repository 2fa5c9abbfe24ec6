// SPDX-License-Identifier: Apache-2.0
// A command line as words. Blanks separate; "..." and '...' hold blanks; a backslash outside of
// '...' takes the next character as it is. Used on the control thread and by weftctl.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace weft {

inline constexpr size_t kMaxLine = 4096;  // bytes

struct Word {
  std::string text;     // without its quotes
  bool quoted = false;  // then it is a value, never a keyword
  size_t start = 0;     // offset of its first byte in the line, the quote if there is one
};

// InvalidArgument: longer than kMaxLine, a control character (a tab is a blank), or a quote that is
// not closed.
absl::StatusOr<std::vector<Word>> SplitWords(std::string_view line);

// The same for a line that somebody still types: the last word is the one under the cursor, empty
// after a blank, and its quote may be open.
absl::StatusOr<std::vector<Word>> SplitUnfinished(std::string_view line);

// `word` so that SplitWords reads it as one word with that text; QuoteAlways() puts quotes around
// it even if it needs none.
std::string Quote(std::string_view word);
std::string QuoteAlways(std::string_view word);

// The candidate that a person most likely meant by `word`; empty if none is close.
std::string_view Closest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace weft
