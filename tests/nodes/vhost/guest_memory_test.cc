// SPDX-License-Identifier: Apache-2.0
#include "nodes/vhost/guest_memory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/tenant/memory_fault.h"
#include "tests/support/huge_pages.h"

namespace weft::vhost {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kPage = 4096;
constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kQuota = 64 * kMiB;

UniqueFd Memfd(uint64_t bytes) {
  UniqueFd fd(memfd_create("guest", MFD_CLOEXEC));
  EXPECT_EQ(ftruncate(fd.get(), static_cast<off_t>(bytes)), 0);
  return fd;
}

absl::StatusOr<std::shared_ptr<const GuestMemory>> MapAll(const std::vector<RegionRequest>& regions,
                                                          uint64_t file_bytes = 16 * kMiB,
                                                          uint64_t quota = kQuota) {
  std::vector<UniqueFd> fds;
  for (size_t i = 0; i < regions.size(); ++i) fds.push_back(Memfd(file_bytes));
  return GuestMemory::Map(regions, fds, quota);
}

TEST(GuestMemory, TranslatesWholeRangesInsideOneRegion) {
  const auto made = MapAll({{.guest_address = kMiB, .size = kMiB, .user_address = 8 * kMiB},
                            {.guest_address = 2 * kMiB, .size = kPage, .user_address = kMiB}});
  ASSERT_TRUE(made.ok()) << made.status();
  const GuestMemory& memory = **made;
  EXPECT_EQ(memory.region_count(), 2U);
  EXPECT_EQ(memory.bytes(), kMiB + kPage);

  const ForeignPtr first = memory.Translate(kMiB, kMiB);
  ASSERT_TRUE(first);
  EXPECT_EQ(memory.Translate(kMiB + 5, 7).unsafe_host(), first.unsafe_host() + 5);
  EXPECT_TRUE(memory.Translate(2 * kMiB - 1, 1));
  EXPECT_FALSE(memory.Translate(2 * kMiB - 1, 2)) << "crosses into the next region";
  EXPECT_FALSE(memory.Translate(kMiB, kMiB + 1));
  EXPECT_FALSE(memory.Translate(kMiB - 1, 1));
  EXPECT_FALSE(memory.Translate(kMiB + 1, UINT64_MAX)) << "wraps";
  EXPECT_FALSE(memory.Translate(UINT64_MAX, 2)) << "wraps";
  EXPECT_TRUE(memory.Translate(2 * kMiB, kPage));
  EXPECT_FALSE(memory.Translate(2 * kMiB, kPage + 1));

  EXPECT_EQ(memory.TranslateUser(8 * kMiB, kMiB).unsafe_host(), first.unsafe_host());
  EXPECT_FALSE(memory.TranslateUser(9 * kMiB, 1));
  EXPECT_FALSE(memory.TranslateUser(8 * kMiB - 1, 1));
}

TEST(GuestMemory, ReadsAndWritesTheContainersFile) {
  std::vector<UniqueFd> fds;
  fds.push_back(Memfd(kMiB));
  const std::vector<RegionRequest> regions{
      {.guest_address = 0, .size = kPage, .user_address = 0, .file_offset = kPage}};
  const auto made = GuestMemory::Map(regions, fds, kQuota);
  ASSERT_TRUE(made.ok()) << made.status();
  (*made)->Translate(16, 8).Store<uint64_t>(0x1122334455667788);
  uint64_t seen = 0;
  ASSERT_EQ(pread(fds[0].get(), &seen, sizeof(seen), kPage + 16), 8);
  EXPECT_EQ(seen, 0x1122334455667788U);
}

struct BadTable {
  std::string what;
  std::vector<RegionRequest> regions;
  std::string message;
};

TEST(GuestMemory, RefusesTablesThatBreakARule) {
  const uint64_t top = ~uint64_t{0} - kPage + 1;
  const std::vector<RegionRequest> nine(9, RegionRequest{.size = kPage});
  const std::vector<BadTable> cases = {
      {"no region", {}, "0 regions"},
      {"nine regions", nine, "9 regions"},
      {"empty region", {{.size = 0}}, "is empty"},
      {"unaligned size", {{.size = 100}}, "not aligned"},
      {"unaligned guest address", {{.guest_address = 1, .size = kPage}}, "not aligned"},
      {"unaligned user address", {{.size = kPage, .user_address = 8}}, "not aligned"},
      {"unaligned offset", {{.size = kPage, .file_offset = 512}}, "not aligned"},
      {"guest address wraps", {{.guest_address = top, .size = 2 * kPage}}, "wraps"},
      {"user address wraps", {{.size = 2 * kPage, .user_address = top}}, "wraps"},
      {"offset wraps", {{.size = 2 * kPage, .file_offset = top}}, "wraps"},
      {"guest overlap",
       {{.guest_address = 0, .size = 2 * kPage, .user_address = 0},
        {.guest_address = kPage, .size = kPage, .user_address = kMiB}},
       "region 1 overlaps region 0"},
      {"user overlap",
       {{.guest_address = 0, .size = 2 * kPage, .user_address = 0},
        {.guest_address = kMiB, .size = kPage, .user_address = kPage}},
       "region 1 overlaps region 0"},
      {"beyond the file", {{.size = kMiB, .file_offset = 16 * kMiB}}, "of a file of"},
      {"beyond the quota", {{.size = kQuota + kPage}}, "limit of 64 MiB"},
      {"beyond the quota together",
       {{.guest_address = 0, .size = kQuota, .user_address = 0},
        {.guest_address = kQuota, .size = kPage, .user_address = kQuota}},
       "limit of 64 MiB"},
  };
  for (const BadTable& bad : cases) {
    const auto made = MapAll(bad.regions);
    EXPECT_FALSE(made.ok()) << bad.what;
    EXPECT_THAT(std::string(made.status().message()), HasSubstr(bad.message)) << bad.what;
  }
}

TEST(GuestMemory, RefusesFilesThatAreNotSharedMemory) {
  const std::vector<RegionRequest> region{{.size = kPage}};
  const UniqueFd writable = Memfd(kPage);
  const std::string path = absl::StrCat("/proc/self/fd/", writable.get());
  const std::vector<std::pair<std::string, int>> files = {
      {"an eventfd", eventfd(0, EFD_CLOEXEC)},
      {"a device", open("/dev/zero", O_RDWR | O_CLOEXEC)},
      {"a directory", open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)},
      {"a file of procfs", open("/proc/self/status", O_RDONLY | O_CLOEXEC)},
      {"a memfd that is open for reading", open(path.c_str(), O_RDONLY | O_CLOEXEC)},
  };
  for (const auto& [what, fd] : files) {
    std::vector<UniqueFd> fds;
    fds.emplace_back(fd);
    ASSERT_TRUE(fds[0].valid()) << what;
    EXPECT_FALSE(GuestMemory::Map(region, fds, kQuota).ok()) << what;
  }
}

TEST(GuestMemory, SharesWhatThePreviousTableMapped) {
  std::vector<UniqueFd> fds;
  fds.push_back(Memfd(kMiB));
  std::vector<RegionRequest> regions{{.guest_address = 0, .size = kMiB, .user_address = 0}};
  const auto first = GuestMemory::Map(regions, fds, kQuota);
  ASSERT_TRUE(first.ok());

  // The same file by another descriptor, at another guest address, and one more region.
  fds.emplace_back(dup(fds[0].get()));
  std::swap(fds[0], fds[1]);
  fds[1] = Memfd(kMiB);
  regions[0].guest_address = 16 * kMiB;
  regions.push_back({.guest_address = 0, .size = kMiB, .user_address = kMiB});
  const auto second = GuestMemory::Map(regions, fds, kQuota, first->get());
  ASSERT_TRUE(second.ok());
  EXPECT_EQ((*second)->Translate(16 * kMiB, 1).unsafe_host(),
            (*first)->Translate(0, 1).unsafe_host());
  EXPECT_NE((*second)->Translate(0, 1).unsafe_host(), (*first)->Translate(0, 1).unsafe_host());
}

TEST(MemoryFault, ATruncatedFileIsSurvivedAndFlagged) {
  std::vector<UniqueFd> fds;
  fds.push_back(Memfd(kMiB));
  const std::vector<RegionRequest> regions{{.size = kMiB}};
  const auto made = GuestMemory::Map(regions, fds, kQuota);
  ASSERT_TRUE(made.ok());
  const auto bystander = MapAll({{.size = kPage}});
  ASSERT_TRUE(bystander.ok());
  const GuestMemory& memory = **made;
  memory.Translate(0, 1).Store<uint8_t>(7);

  ASSERT_EQ(ftruncate(fds[0].get(), kPage), 0);
  EXPECT_FALSE(memory.faulted());
  EXPECT_EQ(memory.Translate(0, 1).Load<uint8_t>(), 7) << "the page that is left";
  EXPECT_FALSE(memory.faulted());
  EXPECT_EQ(memory.Translate(5 * kPage + 3, 1).Load<uint8_t>(), 0) << "nothing is there any more";
  EXPECT_TRUE(memory.faulted());
  memory.Translate(9 * kPage, 8).Store<uint64_t>(42);
  EXPECT_EQ(memory.Translate(9 * kPage, 8).Load<uint64_t>(), 42U) << "private memory now";
  EXPECT_FALSE((*bystander)->faulted());

  // A later table of the same session is as bad.
  std::vector<UniqueFd> others;
  others.push_back(Memfd(kMiB));
  const auto later = GuestMemory::Map(regions, others, kQuota, made->get());
  ASSERT_TRUE(later.ok());
  EXPECT_TRUE((*later)->faulted());
}

// A page of 4 KiB cannot be put into a mapping of huge ones.
TEST(MemoryFault, AHugePageThatIsGoneIsReplacedAsAWhole) {
  constexpr uint64_t kHuge = weft::testing::HugePages::kBytes;
  const weft::testing::HugePages pages(3);
  if (!pages.problem().empty()) GTEST_SKIP() << pages.problem();
  std::vector<UniqueFd> fds;
  fds.emplace_back(memfd_create("guest", MFD_CLOEXEC | weft::testing::HugePages::kFile));
  ASSERT_EQ(ftruncate(fds[0].get(), 3 * kHuge), 0);
  // Neither end of the region is one of a page's.
  const std::vector<RegionRequest> regions{
      {.guest_address = kPage, .size = 3 * kHuge - 2 * kPage, .file_offset = kPage}};
  const auto made = GuestMemory::Map(regions, fds, kQuota);
  ASSERT_TRUE(made.ok()) << made.status();
  const GuestMemory& memory = **made;
  for (const uint64_t address : {kHuge - 1, kHuge, 3 * kHuge - kPage - 1}) {
    memory.Translate(address, 1).Store<uint8_t>(7);
  }

  ASSERT_EQ(ftruncate(fds[0].get(), kHuge), 0);
  EXPECT_EQ(memory.Translate(kHuge - 1, 1).Load<uint8_t>(), 7) << "the page that is left";
  EXPECT_FALSE(memory.faulted());
  EXPECT_EQ(memory.Translate(2 * kHuge - 1, 1).Load<uint8_t>(), 0) << "nothing is there any more";
  EXPECT_TRUE(memory.faulted());
  memory.Translate(kHuge + 5 * kPage, 8).Store<uint64_t>(42);
  EXPECT_EQ(memory.Translate(kHuge + 5 * kPage, 8).Load<uint64_t>(), 42U) << "the same page";
  EXPECT_EQ(memory.Translate(3 * kHuge - kPage - 1, 1).Load<uint8_t>(), 0) << "the last one";
  EXPECT_EQ(memory.Translate(kHuge - 1, 1).Load<uint8_t>(), 7);

  ASSERT_EQ(fallocate(fds[0].get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, kHuge), 0);
  EXPECT_EQ(memory.Translate(kHuge - 1, 1).Load<uint8_t>(), 0) << "punched, and there again";
}

TEST(MemoryFaultDeathTest, AFaultElsewhereKillsAsBefore) {
  InstallMemoryFaultHandler();
  EXPECT_DEATH(
      {
        const UniqueFd fd = Memfd(kPage);
        auto* const bytes = static_cast<volatile uint8_t*>(
            mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0));
        if (ftruncate(fd.get(), 0) == 0) bytes[0] = 1;
      },
      "");
  EXPECT_DEATH({ raise(SIGBUS); }, "");
}

TEST(MemoryFault, TheTableGivesItsSlotsBack) {
  std::atomic<bool> faulted{false};
  auto* const somewhere = reinterpret_cast<uint8_t*>(uintptr_t{0x1000'0000});
  const int first = WatchMemoryRange(somewhere, kPage, kPage, &faulted);
  const int second = WatchMemoryRange(somewhere + kPage, kPage, kPage, &faulted);
  EXPECT_NE(first, second);
  UnwatchMemoryRange(first);
  EXPECT_EQ(WatchMemoryRange(somewhere, kPage, kPage, &faulted), first);
  UnwatchMemoryRange(first);
  UnwatchMemoryRange(second);
}

}  // namespace
}  // namespace weft::vhost
