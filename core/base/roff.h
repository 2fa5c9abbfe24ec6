// SPDX-License-Identifier: Apache-2.0
// Text for manual pages. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace weft {

// As roff takes it: no backslash or hyphen that means something else, no line that looks like a
// request.
inline std::string Roff(std::string_view text) {
  std::string out;
  bool begin = true;
  for (const char c : text) {
    if (begin && (c == '.' || c == '\'')) out += "\\&";
    begin = c == '\n';
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace weft
