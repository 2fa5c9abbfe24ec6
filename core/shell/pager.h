// SPDX-License-Identifier: Apache-2.0
// Shows what is longer than the terminal through a pager. weftctl only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weft {

// Rows that `text` takes on a terminal `width` columns wide; escape sequences take none.
size_t RowsOf(std::string_view text, size_t width);

// Gives `text` to `command`, a line for sh, and waits until it ends. False if it could not start:
// then nobody has seen the text.
bool Page(std::string_view text, const std::string& command);

}  // namespace weft
