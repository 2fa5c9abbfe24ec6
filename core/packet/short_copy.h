// SPDX-License-Identifier: Apache-2.0
// Copying what is known to be short (a header snapshot) without a call: at most two overlapping
// blocks, and nothing beyond the given length is touched on either side. Any thread; made for
// workers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace weft {

inline constexpr size_t kMaxShortCopy = 128;

namespace internal {

// Copies `length` bytes, kBlock <= length <= 2 * kBlock, as a block at either end.
template <size_t kBlock>
inline void CopyBothEnds(uint8_t* to, const uint8_t* from, size_t length) {
  std::memcpy(to, from, kBlock);
  std::memcpy(to + length - kBlock, from + length - kBlock, kBlock);
}

}  // namespace internal

// Copies `length` bytes, 8 <= length <= kMaxShortCopy, between places that do not overlap. Bytes in
// the middle may be read twice; the second reading stands, and `to` is complete only on return.
inline void ShortCopy(void* to, const void* from, size_t length) {
  auto* target = static_cast<uint8_t*>(to);
  const auto* source = static_cast<const uint8_t*>(from);
  if (length >= 64) [[likely]] {
    internal::CopyBothEnds<64>(target, source, length);
  } else if (length >= 32) {
    internal::CopyBothEnds<32>(target, source, length);
  } else if (length >= 16) {
    internal::CopyBothEnds<16>(target, source, length);
  } else {
    internal::CopyBothEnds<8>(target, source, length);
  }
}

}  // namespace weft
