// SPDX-License-Identifier: Apache-2.0
#include "core/shell/words.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace weft {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

absl::Status CheckLine(std::string_view line) {
  if (line.size() > kMaxLine) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "the line has %d bytes; a command can have at most %d", line.size(), kMaxLine));
  }
  for (size_t i = 0; i < line.size(); ++i) {
    const auto byte = static_cast<unsigned char>(line[i]);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7F) {
      return absl::InvalidArgumentError(
          absl::StrFormat("byte %d of the line is the control character 0x%02x", i + 1, byte));
    }
  }
  return absl::OkStatus();
}

// Reads the word that starts at `at`, which is no blank, and moves `at` behind it. `open` is the
// quote that the line ends in, 0 if none.
Word ReadWord(std::string_view line, size_t& at, char& open) {
  Word word{.text = "", .quoted = false, .start = at};
  open = 0;
  for (; at < line.size() && (open != 0 || !IsBlank(line[at])); ++at) {
    const char c = line[at];
    if (c == '\\' && open != '\'' && at + 1 < line.size()) {
      word.text.push_back(line[++at]);
    } else if (open == 0 && (c == '"' || c == '\'')) {
      open = c;
      word.quoted = true;
    } else if (c == open) {
      open = 0;
    } else {
      word.text.push_back(c);
    }
  }
  return word;
}

// Words of `line`; `open` as above.
std::vector<Word> Split(std::string_view line, char& open) {
  std::vector<Word> words;
  open = 0;
  for (size_t at = 0; at < line.size();) {
    if (IsBlank(line[at])) {
      ++at;
    } else {
      words.push_back(ReadWord(line, at, open));
    }
  }
  return words;
}

// Insertions, removals, replacements and swaps of neighbours that turn `a` into `b`.
size_t EditDistance(std::string_view a, std::string_view b) {
  // rows[i][j]: between the first i letters of a and the first j of b.
  std::vector<std::vector<size_t>> rows(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        rows[i][j] = i + j;
        continue;
      }
      const size_t replaced = rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      rows[i][j] = std::min({rows[i - 1][j] + 1, rows[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
      }
    }
  }
  return rows[a.size()][b.size()];
}

}  // namespace

absl::StatusOr<std::vector<Word>> SplitWords(std::string_view line) {
  if (absl::Status status = CheckLine(line); !status.ok()) return status;
  char open = 0;
  std::vector<Word> words = Split(line, open);
  if (open != 0) {
    return absl::InvalidArgumentError(
        absl::StrFormat("the quote %c at byte %d is not closed", open, words.back().start + 1));
  }
  return words;
}

absl::StatusOr<std::vector<Word>> SplitUnfinished(std::string_view line) {
  if (absl::Status status = CheckLine(line); !status.ok()) return status;
  char open = 0;
  std::vector<Word> words = Split(line, open);
  if (open == 0 && (line.empty() || IsBlank(line.back()))) {
    words.push_back({.text = "", .quoted = false, .start = line.size()});
  }
  return words;
}

std::string Quote(std::string_view word) {
  if (!word.empty() && word.find_first_of(" \t\"'\\") == std::string_view::npos) {
    return std::string(word);
  }
  return QuoteAlways(word);
}

std::string QuoteAlways(std::string_view word) {
  std::string quoted = "\"";
  for (const char c : word) {
    if (c == '"' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  return quoted + "\"";
}

std::string_view Closest(std::string_view word, const std::vector<std::string_view>& candidates) {
  constexpr size_t kLongest = 64;  // nobody mistypes one of our words that long
  if (word.empty() || word.size() > kLongest) return {};
  std::string_view closest;
  // One slip in three letters still looks like the word.
  size_t limit = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > kLongest) continue;
    const size_t distance = EditDistance(word, candidate);
    if (distance < limit && distance < candidate.size()) {
      limit = distance;
      closest = candidate;
    }
  }
  return closest;
}

}  // namespace weft
