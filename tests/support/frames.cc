// SPDX-License-Identifier: Apache-2.0
#include "tests/support/frames.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace weft::testing {

MacAddress Mac(std::string_view text) {
  const std::optional<MacAddress> mac = MacAddress::Parse(text);
  if (!mac) {
    std::fprintf(stderr, "test: \"%.*s\" is no MAC address\n", static_cast<int>(text.size()),
                 text.data());
    std::abort();
  }
  return *mac;
}

MacAddress MacNumber(uint32_t number) { return MacAddress::FromBits(0x02'00'00'00'00'00 | number); }

Bytes FrameTo::Build() const {
  Bytes frame(std::max<size_t>(size_, 14));
  std::copy_n(destination_.octets().data(), 6, frame.data());
  std::copy_n(source_.octets().data(), 6, frame.data() + 6);
  frame[12] = static_cast<uint8_t>(type_ >> 8);
  frame[13] = static_cast<uint8_t>(type_);
  uint32_t state = seed_ * 2654435761U + 12345;
  for (size_t i = 14; i < frame.size(); ++i) {
    state = state * 1664525 + 1013904223;
    frame[i] = static_cast<uint8_t>(state >> 24);
  }
  return frame;
}

}  // namespace weft::testing
