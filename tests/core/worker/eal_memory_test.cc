// SPDX-License-Identifier: Apache-2.0
#include "core/worker/eal_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "core/base/text.h"

namespace weft {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kMegabyte = 1 << 20;

class MachineMemoryTest : public ::testing::Test {
 protected:
  MachineMemoryTest() {
    char name[] = "/tmp/weft-memory-XXXXXX";
    root_ = mkdtemp(name);
  }
  ~MachineMemoryTest() override { std::filesystem::remove_all(root_); }
  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  std::string root_;
};

TEST_F(MachineMemoryTest, AddsUpPagesOfAllSizes) {
  Write("/proc/meminfo",
        "MemTotal:       24684096 kB\nMemFree:        21910792 kB\nHugePages_Free:        7\n");
  Write("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "10\n");
  Write("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "12\n");
  Write("/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "1\n");
  Write("/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "1\n");
  Write("/sys/kernel/mm/hugepages/something/free_hugepages", "1\n");
  const MachineMemory memory = MachineMemory::Read(root_);
  EXPECT_EQ(memory.total, uint64_t{24684096} * 1024);
  EXPECT_EQ(memory.huge_free, (20 + 1024) * kMegabyte);
  EXPECT_EQ(memory.huge_total, (24 + 1024) * kMegabyte);
}

TEST_F(MachineMemoryTest, IsNothingWhereNothingIsSaid) {
  const MachineMemory memory = MachineMemory::Read(root_);
  EXPECT_EQ(memory.total, 0u);
  EXPECT_EQ(memory.huge_free, 0u);
  EXPECT_GT(MachineMemory::Read().total, 0u) << "of this machine";
}

std::string Check(const std::vector<std::string>& arguments, uint64_t total_mb,
                  uint64_t huge_free_mb) {
  return MessageOf(CheckEalMemory(arguments, {.total = total_mb * kMegabyte,
                                              .huge_free = huge_free_mb * kMegabyte,
                                              .huge_total = 100 * kMegabyte}));
}

TEST(CheckEalMemory, OrdinaryMemoryIsThatOfTheMachine) {
  EXPECT_EQ(Check({"weftd", "-m", "64", "--no-huge"}, 64, 0), "");
  EXPECT_EQ(Check({"weftd", "-m", "65", "--no-huge"}, 64, 0),
            "memory: DPDK would reserve 65 MB, but the machine has 64 MB");
  EXPECT_EQ(Check({"weftd", "-m", "65", "--no-huge", "-m64"}, 64, 0), "") << "the last one counts";
}

TEST(CheckEalMemory, HugePagesAreThoseThatAreFree) {
  EXPECT_EQ(Check({"weftd", "-m", "64", "--in-memory"}, 1000, 64), "");
  EXPECT_THAT(Check({"weftd", "-m", "64", "--in-memory"}, 1000, 63),
              HasSubstr("64 MB of huge pages, but of 100 MB that are reserved 63 MB are free"));
  EXPECT_THAT(Check({"weftd", "--socket-mem=64"}, 1000, 0), HasSubstr("0 MB are free"));
  EXPECT_EQ(Check({"weftd", "--socket-mem=64"}, 1000, 2), "") << "how much is DPDK's affair";
}

TEST(CheckEalMemory, OneKindOfMemoryAtATime) {
  EXPECT_THAT(Check({"weftd", "--in-memory", "--no-huge"}, 1000, 1000),
              HasSubstr("refuses --no-huge together with --in-memory"));
}

}  // namespace
}  // namespace weft
