// SPDX-License-Identifier: Apache-2.0
#include "core/config/suggest.h"

#include <algorithm>
#include <cctype>
#include <cstddef>

#include "core/base/text.h"

namespace weft {
namespace {

constexpr size_t kLongestWord = 64;  // longer ones are no typing mistakes, and cost time squared

char Lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

// The restricted Damerau-Levenshtein distance, without regard to case. Words are at most
// kLongestWord long.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1);  // row i - 2
  std::vector<size_t> above(b.size() + 1);   // row i - 1
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    before.swap(above);
    above.swap(row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = Lower(a[i - 1]) == Lower(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && Lower(a[i - 1]) == Lower(b[j - 2]) &&
                           Lower(a[i - 2]) == Lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view Nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  if (word.size() > kLongestWord) return {};
  std::string_view nearest;
  size_t least = std::clamp<size_t>(word.size() / 3, 1, 2) + 1;  // what still counts as a slip
  for (std::string_view candidate : candidates) {
    if (candidate.size() > kLongestWord) continue;
    const size_t distance = Distance(word, candidate);
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string DidYouMean(std::string_view word, const std::vector<std::string_view>& candidates) {
  const std::string_view nearest = Nearest(word, candidates);
  return nearest.empty() ? std::string() : Cat(" (did you mean \"", nearest, "\"?)");
}

}  // namespace weft
