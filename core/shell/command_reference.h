// SPDX-License-Identifier: Apache-2.0
// The commands of the shell as documents, for `weftd --commands` and `weftd --manual`. Control
// thread.
#pragma once

#include <string>

namespace weft {

class CommandTable;

// Markdown: a heading, usage, help, arguments and the shape of the JSON of each command.
std::string DescribeCommands(const CommandTable& commands);

// weftctl(1), as man reads it.
std::string ManualPage(const CommandTable& commands);

}  // namespace weft
