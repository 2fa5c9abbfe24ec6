// SPDX-License-Identifier: Apache-2.0
// Text that others chose (names, paths), made safe for a terminal. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weft {

// `text` with each control character (C0 but those in `keep`, DEL, C1) and each byte that is not
// part of valid UTF-8 replaced by \xNN.
std::string Printable(std::string_view text, std::string_view keep = "");

// Columns that printable UTF-8 takes on a terminal; every character counts as one.
size_t DisplayWidth(std::string_view text);

}  // namespace weft
