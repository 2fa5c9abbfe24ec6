// SPDX-License-Identifier: Apache-2.0
#include "core/packet/wide_copy.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace weft {
namespace {

TEST(WideCopy, CopiesAnyLengthAndNothingBeside) {
  if (!HasWideCopy()) GTEST_SKIP() << "this machine has no AVX-512";
  for (size_t length = 0; length <= 1100; ++length) {
    for (const size_t shift : {0U, 1U, 63U}) {
      // Exactly as long as what may be read, so that the address sanitizer sees one byte more.
      std::vector<uint8_t> from(shift + length);
      for (size_t i = 0; i < from.size(); ++i) from[i] = static_cast<uint8_t>(i * 7 + i / 256 + 1);
      std::vector<uint8_t> to(length + 128, 0xee);
      WideCopy(to.data() + 64, from.data() + shift, length);
      std::vector<uint8_t> expected(length + 128, 0xee);
      for (size_t i = 0; i < length; ++i) expected[64 + i] = from[shift + i];
      ASSERT_EQ(to, expected) << length << " bytes, shifted by " << shift;
    }
  }
}

}  // namespace
}  // namespace weft
