// SPDX-License-Identifier: Apache-2.0
#include "core/base/mac_address.h"

namespace weft {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<MacAddress> MacAddress::Parse(std::string_view text) {
  if (text.size() != 17) return std::nullopt;
  std::array<uint8_t, 6> octets{};
  for (size_t i = 0; i < 6; ++i) {
    const int high = HexDigit(text[3 * i]);
    const int low = HexDigit(text[3 * i + 1]);
    if (high < 0 || low < 0 || (i < 5 && text[3 * i + 2] != ':')) return std::nullopt;
    octets[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return MacAddress(octets);
}

std::string MacAddress::ToString() const {
  constexpr char kHex[] = "0123456789abcdef";
  std::string text(17, ':');
  for (size_t i = 0; i < 6; ++i) {
    text[3 * i] = kHex[octets_[i] >> 4];
    text[3 * i + 1] = kHex[octets_[i] & 0xf];
  }
  return text;
}

}  // namespace weft
