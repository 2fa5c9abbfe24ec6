// SPDX-License-Identifier: Apache-2.0
// "did you mean": the valid word nearest to a misspelt one. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weft {

// The candidate that `word` most likely stands for, counting letters added, lost, replaced or
// swapped; empty if none is near. The first of equals wins.
std::string_view Nearest(std::string_view word, const std::vector<std::string_view>& candidates);

// ` (did you mean "socket"?)`, or nothing if no candidate is near.
std::string DidYouMean(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace weft
