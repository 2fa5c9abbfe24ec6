// SPDX-License-Identifier: Apache-2.0
#include "core/packet/short_copy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>

namespace weft {
namespace {

TEST(ShortCopy, CopiesEveryLengthAndNothingBeyond) {
  constexpr uint8_t kGuard = 0xa5;
  for (size_t length = 8; length <= kMaxShortCopy; ++length) {
    for (size_t offset = 0; offset < 9; ++offset) {
      // The source is exactly as long, so that the address sanitizer sees a read past its end.
      const auto source = std::make_unique<uint8_t[]>(length);
      for (size_t i = 0; i < length; ++i) source[i] = static_cast<uint8_t>(i * 7 + length);
      std::array<uint8_t, 64 + kMaxShortCopy + 64> target;
      target.fill(kGuard);
      uint8_t* const to = target.data() + 64 - offset;
      ShortCopy(to, source.get(), length);
      ASSERT_TRUE(std::equal(to, to + length, source.get())) << length << " at " << offset;
      const auto untouched = [](uint8_t byte) { return byte == kGuard; };
      ASSERT_TRUE(std::all_of(target.data(), to, untouched)) << length << " at " << offset;
      ASSERT_TRUE(std::all_of(to + length, target.data() + target.size(), untouched))
          << length << " at " << offset;
    }
  }
}

}  // namespace
}  // namespace weft
