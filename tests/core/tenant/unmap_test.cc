// SPDX-License-Identifier: Apache-2.0
// What was mapped goes, all of it and nothing else, whoever does it.
#include "core/tenant/unmap.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <vector>

namespace weft {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kMiB = size_t{1} << 20;

bool IsMapped(uint8_t* page) {
  unsigned char resident = 0;
  return mincore(page, kPage, &resident) == 0;
}

// One range that can be touched, between two pages that stay.
class Mapping {
 public:
  explicit Mapping(size_t length) : length_(length) {
    at_ = static_cast<uint8_t*>(mmap(nullptr, length + 2 * kPage, PROT_READ | PROT_WRITE,
                                     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    for (size_t i = 0; i < length; i += kMiB) begin()[i] = 1;
  }
  ~Mapping() {
    munmap(at_, kPage);
    munmap(begin() + length_, kPage);
  }
  uint8_t* begin() { return at_ + kPage; }
  bool gone() {
    for (size_t i = 0; i < length_; i += kMiB) {
      if (IsMapped(begin() + i)) return false;
    }
    return !IsMapped(begin() + length_ - kPage);
  }
  bool neighbours_stay() { return IsMapped(at_) && IsMapped(begin() + length_); }

 private:
  const size_t length_;
  uint8_t* at_ = nullptr;
};

TEST(UnmapTest, WhatIsLittleGoesAtOnce) {
  for (const size_t length : {kPage, kMiB, 4 * kMiB}) {
    Mapping mapping(length);
    Unmap(mapping.begin(), length, kPage);
    EXPECT_TRUE(mapping.gone()) << length;
    EXPECT_TRUE(mapping.neighbours_stay()) << length;
  }
}

// More than fits into one piece, in whole pieces and not.
TEST(UnmapTest, WhatIsMuchGoesPieceByPiece) {
  for (const size_t length : {4 * kMiB + kPage, 64 * kMiB, 101 * kMiB + 3 * kPage}) {
    Mapping mapping(length);
    Unmap(mapping.begin(), length, kPage);
    while (!mapping.gone()) usleep(1000);
    EXPECT_TRUE(mapping.neighbours_stay()) << length;
  }
}

}  // namespace
}  // namespace weft
