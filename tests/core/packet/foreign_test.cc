// SPDX-License-Identifier: Apache-2.0
#include "core/packet/foreign.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace weft {
namespace {

struct Memory {
  alignas(8) std::array<uint8_t, 256> bytes{};
  Memory() {
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i);
  }
  ForeignPtr at(size_t offset) { return ForeignPtr(bytes.data() + offset); }
};

TEST(ForeignPtr, LoadsAndStoresFields) {
  Memory memory;
  EXPECT_EQ(memory.at(1).Load<uint8_t>(), 0x01);
  EXPECT_EQ(memory.at(2).Load<uint16_t>(), 0x0302);
  EXPECT_EQ(memory.at(4).Load<uint32_t>(), 0x07060504U);
  EXPECT_EQ(memory.at(8).Load<uint64_t>(std::memory_order_acquire), 0x0f0e0d0c0b0a0908U);
  memory.at(16).Store<uint16_t>(0xbeef, std::memory_order_release);
  EXPECT_EQ(memory.bytes[16], 0xef);
  EXPECT_EQ(memory.bytes[17], 0xbe);
  EXPECT_EQ(memory.bytes[18], 18) << "and not more";
}

TEST(ForeignPtr, IsNullByDefaultAndCountsInBytes) {
  EXPECT_FALSE(ForeignPtr());
  Memory memory;
  EXPECT_TRUE(memory.at(0));
  EXPECT_EQ((memory.at(3) + 4).unsafe_host(), memory.bytes.data() + 7);
}

TEST(ForeignPtr, CopiesBothWaysAndAcross) {
  Memory a;
  Memory b;
  b.bytes.fill(0xff);
  std::array<uint8_t, 32> own{};
  a.at(10).CopyOut(own.data(), own.size());
  EXPECT_TRUE(std::equal(own.begin(), own.end(), a.bytes.begin() + 10));
  b.at(1).CopyIn(own.data(), own.size());
  EXPECT_TRUE(std::equal(own.begin(), own.end(), b.bytes.begin() + 1));
  EXPECT_EQ(b.bytes[0], 0xff);
  EXPECT_EQ(b.bytes[33], 0xff);
  b.at(100).CopyFrom(a.at(50), 20);
  EXPECT_TRUE(std::equal(b.bytes.begin() + 100, b.bytes.begin() + 120, a.bytes.begin() + 50));
  b.at(100).Zero(20);
  EXPECT_EQ(std::count(b.bytes.begin() + 100, b.bytes.begin() + 120, 0), 20);
  EXPECT_EQ(b.bytes[120], 0xff);
  std::array<uint8_t, 12> some{};
  a.at(0).CopyOutShort(some.data(), some.size());
  b.at(200).CopyInShort(some.data(), some.size());
  EXPECT_TRUE(std::equal(some.begin(), some.end(), b.bytes.begin() + 200));
}

#if defined(WEFT_COUNT_GUEST_LOADS)

TEST(ForeignLoadGuardDeathTest, ASecondLoadOfAByteAborts) {
  Memory memory;
  constexpr char kSaid[] = "double fetch of foreign memory";
  const auto loads = [&](auto first, auto second) {
    const ForeignLoadGuard guard;
    first();
    second();
  };
  const auto word = [&] { memory.at(8).Load<uint32_t>(); };
  std::array<uint8_t, 64> own{};
  EXPECT_DEATH(loads(word, word), kSaid);
  EXPECT_DEATH(loads(word, [&] { memory.at(11).Load<uint8_t>(); }), kSaid) << "its last byte";
  EXPECT_DEATH(loads([&] { memory.at(9).Load<uint8_t>(); }, word), kSaid) << "it lies around";
  EXPECT_DEATH(loads(word, [&] { memory.at(0).CopyOut(own.data(), 9); }), kSaid);
  EXPECT_DEATH(loads(word, [&] { memory.at(0).CopyOutShort(own.data(), 9); }), kSaid);
  EXPECT_DEATH(loads(word, [&] { memory.at(100).CopyFrom(memory.at(4), 5); }), kSaid);
}

TEST(ForeignLoadGuard, LetsNeighboursAndNewWindowsPass) {
  Memory memory;
  std::array<uint8_t, 64> own{};
  ForeignLoadGuard guard;
  memory.at(8).Load<uint32_t>();
  memory.at(12).Load<uint32_t>();
  memory.at(7).Load<uint8_t>();
  memory.at(0).CopyOut(own.data(), 7);
  memory.at(8).Store<uint32_t>(1);  // storing is not loading
  memory.at(8).CopyIn(own.data(), 8);
  memory.at(8).CopyOut(own.data(), 0);  // nothing
  guard.Restart();
  memory.at(8).Load<uint32_t>();
  {
    const ForeignLoadGuard inner;  // a window of its own
    memory.at(8).Load<uint32_t>();
  }
}

TEST(ForeignLoadGuard, WithoutOneNobodyCounts) {
  Memory memory;
  EXPECT_EQ(memory.at(8).Load<uint8_t>(), memory.at(8).Load<uint8_t>());
}

#endif

}  // namespace
}  // namespace weft
