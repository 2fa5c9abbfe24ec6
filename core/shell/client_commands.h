// SPDX-License-Identifier: Apache-2.0
// The commands that weftctl runs itself. weftd has them in its table too, so that its help,
// completion and reference know all that can be typed. Any thread.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/shell/command.h"

namespace weft {

inline constexpr std::string_view kWatch = "watch";
inline constexpr std::string_view kCompletion = "completion";
inline constexpr std::string_view kExit = "exit";

// Their declarations; in weftd they answer that weftctl runs them.
std::vector<Command> ClientCommands();

// Nothing if `word` is none of them.
std::optional<Command> FindClientCommand(std::string_view word);

}  // namespace weft
