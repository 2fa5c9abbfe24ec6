// SPDX-License-Identifier: Apache-2.0
// Ethernet frames for tests: FrameTo("02:..:02").From("02:..:01").Size(1500).Bytes().
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/mac_address.h"

namespace weft::testing {

using Bytes = std::vector<uint8_t>;

// Parses, or fails the test run.
MacAddress Mac(std::string_view text);
// A locally administered address that ends in `number`.
MacAddress MacNumber(uint32_t number);

class FrameTo {
 public:
  explicit FrameTo(MacAddress destination) : destination_(destination) {}
  explicit FrameTo(std::string_view destination) : FrameTo(Mac(destination)) {}

  FrameTo& From(MacAddress source) {
    source_ = source;
    return *this;
  }
  FrameTo& From(std::string_view source) { return From(Mac(source)); }
  // The whole frame in bytes, at least 14.
  FrameTo& Size(size_t bytes) {
    size_ = bytes;
    return *this;
  }
  FrameTo& Type(uint16_t type) {
    type_ = type;
    return *this;
  }
  // What the payload's pattern starts from; frames with different seeds differ.
  FrameTo& Seed(uint32_t seed) {
    seed_ = seed;
    return *this;
  }
  Bytes Build() const;

 private:
  MacAddress destination_;
  MacAddress source_{{0x02, 0, 0, 0, 0, 0x01}};
  size_t size_ = 60;
  uint16_t type_ = 0x0800;
  uint32_t seed_ = 0;
};

}  // namespace weft::testing
