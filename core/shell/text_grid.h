// SPDX-License-Identifier: Apache-2.0
// Cells of text as lines of a terminal, within its width. Private to the room.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace weft {

struct GridCell {
  std::string text;
  std::string brief{};       // what may stand for it where there is no room; empty if nothing may
  std::string_view style{};  // the escape sequence that it starts with; empty if it has none
};

struct Grid {
  bool header = false;     // the first row is one
  std::vector<bool> left;  // a column: left-aligned, and wrapped where it has to be
  std::vector<std::vector<GridCell>> rows;  // each with a cell for every column
};

// Lines of at most `width` characters (0: no limit), each ended by a newline, without trailing
// blanks. What does not fit gives way in this order: text wraps at blanks and headers at hyphens;
// brief forms are taken; columns go below the others, behind the first column once more. No word
// and no number is cut: with such a one a line is longer.
std::string GridText(const Grid& grid, size_t width);

// One text wrapped at blanks into lines of at most `width` characters (0: no limit); a longer word
// gets its own.
std::vector<std::string> WrapText(const std::string& text, size_t width);

}  // namespace weft
