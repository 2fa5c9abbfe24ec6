// SPDX-License-Identifier: Apache-2.0
// weftd --supervise: a small parent that starts weftd again when it crashes, and has it leave out a
// plugin that ended it twice within a minute, or whose on-fault is "stop" and that broke a rule. If
// that was a node, none of the plugin's nodes runs; if it was anything else of it, the plugin is
// not even loaded. Before anything else has begun.
#pragma once

#include <string>
#include <vector>

#include "core/base/unique_fd.h"

namespace weft {

// The exit status of a weftd that has ended because a plugin whose on-fault is "stop" broke a rule.
inline constexpr int kEndedByPlugin = 3;

// What a weftd that is supervised begins with.
struct Supervised {
  UniqueFd last_words;                  // for SayLastWords
  std::vector<std::string> left_out;    // plugins whose nodes are not to run
  std::vector<std::string> not_loaded;  // plugins that are not to be loaded
};

// Returns in each child. The parent ends here, with its last child's status: when that has ended by
// itself, but for kEndedByPlugin, or by SIGTERM or SIGINT, which are passed on as SIGHUP is.
Supervised Supervise();

}  // namespace weft
