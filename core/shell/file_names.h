// SPDX-License-Identifier: Apache-2.0
// Where the name of a file can stand, completion has those that there are. weftctl adds them: the
// files are of whoever types, not of weftd. Private to the room and its client; any thread.
#pragma once

#include <string_view>

#include "core/shell/command_table.h"

namespace weft {

// Adds the files that the last word of `line` begins, if one of the candidates says that a file can
// stand there. Folders end in a slash; what begins with a dot is there if the word says so.
void AddFileNames(std::string_view line, Completion& completion);

}  // namespace weft
