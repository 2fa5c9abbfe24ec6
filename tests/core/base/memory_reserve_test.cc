// SPDX-License-Identifier: Apache-2.0
#include "core/base/memory_reserve.h"

#include <gtest/gtest.h>

#include <new>

namespace weft {
namespace {

// What operator new calls when malloc has nothing.
void RunOut() { std::get_new_handler()(); }

TEST(MemoryReserve, IsSpentOnceAndRestored) {
  MemoryReserve reserve;
  EXPECT_FALSE(reserve.spent());
  EXPECT_TRUE(reserve.Check().ok());
  RunOut();
  EXPECT_TRUE(reserve.spent());
  EXPECT_EQ(reserve.Check(), absl::ResourceExhaustedError("the system has no more memory"));
  EXPECT_TRUE(reserve.Restore().ok());
  EXPECT_FALSE(reserve.spent());
  EXPECT_TRUE(reserve.Restore().ok());
  RunOut();
  EXPECT_TRUE(reserve.spent());
}

TEST(MemoryReserveDeathTest, EndsTheProcessWithASentenceWhenItDoesNotSuffice) {
  MemoryReserve reserve;
  RunOut();
  EXPECT_EXIT(RunOut(), ::testing::ExitedWithCode(1), "weftd: out of memory; it ends at once");
}

TEST(MemoryReserve, LeavesNoHandlerBehind) {
  { const MemoryReserve reserve; }
  EXPECT_EQ(std::get_new_handler(), nullptr);
}

}  // namespace
}  // namespace weft
