// SPDX-License-Identifier: Apache-2.0
// Text from pieces. Debian's Abseil has a string_view of its own that std::string_view does not
// convert to, so StrCat cannot take our names; these can. Any thread but a worker.
#pragma once

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace weft {

namespace internal {
inline void AppendPiece(std::string& to, std::string_view piece) { to += piece; }
inline void AppendPiece(std::string& to, char piece) { to += piece; }
template <std::integral T>
void AppendPiece(std::string& to, T piece) {
  to += std::to_string(piece);
}
// The shortest digits that read back as the same number.
inline void AppendPiece(std::string& to, double piece) {
  char digits[32];
  to.append(digits, std::to_chars(digits, digits + sizeof digits, piece).ptr);
}
}  // namespace internal

// All pieces (text, characters, numbers), one after the other, behind `to`.
template <typename... Pieces>
void Append(std::string& to, const Pieces&... pieces) {
  (internal::AppendPiece(to, pieces), ...);
}

// All pieces, one after the other.
template <typename... Pieces>
std::string Cat(const Pieces&... pieces) {
  std::string text;
  Append(text, pieces...);
  return text;
}

// The items of a range of pieces with `separator` between them.
template <typename Range>
std::string Join(const Range& items, std::string_view separator = ", ") {
  std::string text;
  bool first = true;
  for (const auto& item : items) {
    if (!first) text += separator;
    first = false;
    internal::AppendPiece(text, item);
  }
  return text;
}

inline std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

}  // namespace weft
