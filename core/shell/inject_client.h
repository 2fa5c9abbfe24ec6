// SPDX-License-Identifier: Apache-2.0
// weftctl's side of `trace inject`: reads the frames of a capture file, which weftd does not open
// for anybody, and asks about each.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/shell/weftctl.h"

namespace weft {

// Whether these words are `trace inject port PORT FILE`, with a file that is there.
bool InjectsFile(const std::vector<std::string>& words);

// Runs them for each packet of the file, at most kMaxInjected. Returns the exit status.
inline constexpr size_t kMaxInjected = 100;
int InjectFile(ControlClient& client, const std::vector<std::string>& words,
               const Display& display);

}  // namespace weft
