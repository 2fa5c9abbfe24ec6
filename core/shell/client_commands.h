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
inline constexpr std::string_view kCapture = "capture";
inline constexpr std::string_view kExtcap = "extcap";
inline constexpr std::string_view kCompletion = "completion";
inline constexpr std::string_view kPluginNew = "plugin new";
inline constexpr std::string_view kPluginTest = "plugin test";
inline constexpr std::string_view kExit = "exit";

// Their declarations; in weftd they answer that weftctl runs them.
std::vector<Command> ClientCommands();

// What weftd's commands take that weftctl has more to do with than to pass them on: `capture
// start`, of which weftctl's capture knows all arguments beside its file, and `trace inject`, whose
// frames may come from a file.
std::vector<Argument> CaptureArguments();
std::vector<Argument> InjectArguments();

// What `capture` answers: no packets, those are in its file.
std::vector<Column> CaptureColumns();

// The one that the line begins with, and how many of its words are the command's own; nothing if it
// begins with none. A word behind them that cannot be an argument makes it another command:
// `capture start` is weftd's.
struct FoundClientCommand {
  Command command;
  size_t words = 0;
};
std::optional<FoundClientCommand> FindClientCommand(std::span<const Word> line);

}  // namespace weft
