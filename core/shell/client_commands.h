// SPDX-License-Identifier: Apache-2.0
// The commands that weftctl runs itself. weftd has them in its table too, so that its help,
// completion and reference know all that can be typed. Any thread.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/shell/command.h"
#include "core/shell/words.h"

namespace weft {

inline constexpr std::string_view kWatch = "watch";
inline constexpr std::string_view kCompletion = "completion";
inline constexpr std::string_view kPluginNew = "plugin new";
inline constexpr std::string_view kPluginTest = "plugin test";
inline constexpr std::string_view kExit = "exit";

// Their declarations; in weftd they answer that weftctl runs them.
std::vector<Command> ClientCommands();

// The one that the line begins with, and how many of its words are the command's own; nothing if it
// begins with none.
struct FoundClientCommand {
  Command command;
  size_t words = 0;
};
std::optional<FoundClientCommand> FindClientCommand(std::span<const Word> line);

}  // namespace weft
