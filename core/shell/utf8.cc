// SPDX-License-Identifier: Apache-2.0
#include "core/shell/utf8.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_format.h"

namespace weft {
namespace {

uint8_t Byte(char c) { return static_cast<uint8_t>(c); }

bool IsContinuation(char c) { return (Byte(c) & 0xC0) == 0x80; }

// Bytes of the character at the front of `text`, 0 if it is not valid UTF-8 (Unicode 15, table 3-7:
// no overlong forms, no surrogates, nothing beyond U+10FFFF).
size_t CharacterLength(std::string_view text) {
  const uint8_t lead = Byte(text[0]);
  const size_t length = lead < 0x80                    ? 1
                        : lead >= 0xC2 && lead <= 0xDF ? 2
                        : lead >= 0xE0 && lead <= 0xEF ? 3
                        : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                       : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!IsContinuation(text[i])) return 0;
  }
  if (length < 3) return length;
  const uint8_t second = Byte(text[1]);
  const bool bad = (lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
                   (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F);
  return bad ? 0 : length;
}

bool IsControl(std::string_view character) {
  if (character.size() == 1) return Byte(character[0]) < 0x20 || Byte(character[0]) == 0x7F;
  return Byte(character[0]) == 0xC2 && Byte(character[1]) < 0xA0;
}

}  // namespace

std::string Printable(std::string_view text, std::string_view keep) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    const std::string_view character = text.substr(0, std::max<size_t>(length, 1));
    const bool kept = length == 1 && keep.find(character[0]) != std::string_view::npos;
    if (length == 0 || (IsControl(character) && !kept)) {
      for (const char c : character) out += absl::StrFormat("\\x%02x", Byte(c));
    } else {
      out += character;
    }
    text.remove_prefix(character.size());
  }
  return out;
}

size_t DisplayWidth(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !IsContinuation(c); }));
}

}  // namespace weft
