// SPDX-License-Identifier: Apache-2.0
// A fuzz target's input, taken piece by piece: what comes first decides what is done with the rest.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>

namespace weft::fuzz {

// What a target says of a broken promise; libFuzzer keeps the input.
inline void Require(bool holds, const char* promise = "a promise") {
  if (holds) return;
  std::fprintf(stderr, "fuzz: broken: %s\n", promise);
  std::abort();
}

// Zeros once it has ended.
class InputReader {
 public:
  InputReader(const uint8_t* data, size_t size) : left_(data, size) {}
  bool empty() const { return left_.empty(); }
  uint8_t Byte() {
    if (left_.empty()) return 0;
    const uint8_t byte = left_.front();
    left_ = left_.subspan(1);
    return byte;
  }
  // The lower byte comes first.
  uint16_t Short() {
    const uint8_t low = Byte();
    return static_cast<uint16_t>(low | Byte() << 8);
  }
  uint32_t Word() {
    const uint32_t low = Short();
    return low | uint32_t{Short()} << 16;
  }
  // As they are, `count` or as many as there are.
  std::span<const uint8_t> Bytes(size_t count) {
    const std::span<const uint8_t> bytes = left_.first(std::min(count, left_.size()));
    left_ = left_.subspan(bytes.size());
    return bytes;
  }

 private:
  std::span<const uint8_t> left_;
};

}  // namespace weft::fuzz
