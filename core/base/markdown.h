// SPDX-License-Identifier: Apache-2.0
// Text inside Markdown that the program prints. Any thread but a worker.
#pragma once

#include <string>
#include <string_view>

namespace weft {

// `text` as it is inside a table's cell: it neither ends its column nor begins an HTML tag.
inline std::string MarkdownCell(std::string_view text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|' || c == '<') cell += '\\';
    cell += c;
  }
  return cell;
}

}  // namespace weft
