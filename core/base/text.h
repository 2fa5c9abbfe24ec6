// SPDX-License-Identifier: Apache-2.0
// Text from pieces. Debian's Abseil has a string_view of its own that std::string_view does not
// convert to, so StrCat cannot take our names; these can.
#pragma once

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
}  // namespace internal

// All pieces (text, characters, whole numbers), one after the other.
template <typename... Pieces>
std::string Cat(const Pieces&... pieces) {
  std::string text;
  (internal::AppendPiece(text, pieces), ...);
  return text;
}

// The items of a range of strings with `separator` between them.
template <typename Range>
std::string Join(const Range& items, std::string_view separator) {
  std::string text;
  for (const auto& item : items) {
    if (!text.empty()) text += separator;
    text += item;
  }
  return text;
}

inline std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

}  // namespace weft
