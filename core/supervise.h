// SPDX-License-Identifier: Apache-2.0
// weftd --supervise: a small parent that starts weftd again when it crashes, and has it leave out a
// plugin that ended it twice within a minute. Before anything else has begun.
#pragma once

#include <string>
#include <vector>

#include "core/base/unique_fd.h"

namespace weft {

// What a weftd that is supervised begins with.
struct Supervised {
  UniqueFd last_words;  // for SayLastWords
  std::vector<std::string> left_out;
};

// Returns in each child. The parent ends here, with its last child's status: when that has ended by
// itself, or by SIGTERM or SIGINT, which are passed on as SIGHUP is.
Supervised Supervise();

}  // namespace weft
