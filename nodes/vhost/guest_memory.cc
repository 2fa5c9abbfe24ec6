// SPDX-License-Identifier: Apache-2.0
#include "nodes/vhost/guest_memory.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nodes/vhost/memory_fault.h"

namespace weft::vhost {
namespace {

constexpr uint64_t kPage = 4096;

// A range of a file, in whole pages of the file's file system: what is mapped, and how two requests
// are known to mean the same memory.
struct FileRange {
  dev_t device = 0;
  ino_t inode = 0;
  uint64_t offset = 0;
  uint64_t length = 0;
  uint64_t page_size = 0;

  bool operator==(const FileRange&) const = default;
};

bool Overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size) {
  return a < b + b_size && b < a + a_size;
}

// The rules for the numbers alone (hostile.md rule 4).
absl::Status CheckNumbers(std::span<const RegionRequest> regions, uint64_t quota) {
  if (regions.empty() || regions.size() > kMaxRegions) {
    return absl::InvalidArgumentError(
        absl::StrFormat("a memory table of %u regions; 1 to %u are possible (a DPDK application "
                        "with huge pages needs --single-file-segments)",
                        regions.size(), kMaxRegions));
  }
  uint64_t total = 0;
  for (size_t i = 0; i < regions.size(); ++i) {
    const RegionRequest& r = regions[i];
    const std::string name = absl::StrCat("memory region ", i);
    if (r.size == 0) return absl::InvalidArgumentError(absl::StrCat(name, " is empty"));
    if ((r.guest_address | r.user_address | r.file_offset | r.size) % kPage != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, " is not aligned to pages of ", kPage, " bytes"));
    }
    for (const uint64_t start : {r.guest_address, r.user_address, r.file_offset}) {
      if (start + r.size < start) {
        return absl::InvalidArgumentError(absl::StrCat(name, " wraps around the address space"));
      }
    }
    for (size_t j = 0; j < i; ++j) {
      const RegionRequest& other = regions[j];
      if (Overlap(r.guest_address, r.size, other.guest_address, other.size) ||
          Overlap(r.user_address, r.size, other.user_address, other.size)) {
        return absl::InvalidArgumentError(absl::StrCat(name, " overlaps region ", j));
      }
    }
    if (r.size > quota - total) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "the memory table is larger than this port's limit of ", quota >> 20, " MiB"));
    }
    total += r.size;
  }
  return absl::OkStatus();
}

// The rules for the file (hostile.md rule 8).
absl::StatusOr<FileRange> CheckFile(const RegionRequest& region, int fd) {
  // First, because it asks no file system: that of another kind of file may be the tenant's own and
  // never answer. Only files on tmpfs and hugetlbfs know seals.
  if (fcntl(fd, F_GET_SEALS) < 0) {
    return absl::InvalidArgumentError("its file is not a regular file on hugetlbfs or tmpfs");
  }
  struct stat file {};
  struct statfs system {};
  if (fstat(fd, &file) != 0 || fstatfs(fd, &system) != 0) {
    return absl::ErrnoToStatus(errno, "cannot examine its file");
  }
  const bool huge = system.f_type == HUGETLBFS_MAGIC;
  if (!S_ISREG(file.st_mode) || (!huge && system.f_type != TMPFS_MAGIC)) {
    return absl::InvalidArgumentError("its file is not a regular file on hugetlbfs or tmpfs");
  }
  if ((fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR) {
    return absl::InvalidArgumentError("its file is not open for reading and writing");
  }
  const uint64_t end = region.file_offset + region.size;
  if (end > static_cast<uint64_t>(file.st_size)) {
    return absl::InvalidArgumentError(
        absl::StrCat("it ends at byte ", end, " of a file of ", file.st_size, " bytes"));
  }
  const uint64_t page_size = huge ? static_cast<uint64_t>(system.f_bsize) : kPage;
  const uint64_t first = region.file_offset / page_size * page_size;
  const uint64_t past = (end + page_size - 1) / page_size * page_size;
  return FileRange{file.st_dev, file.st_ino, first, past - first, page_size};
}

}  // namespace

// Control thread alone.
class Mapping {
 public:
  static absl::StatusOr<std::shared_ptr<const Mapping>> Make(const FileRange& range, int fd,
                                                             std::atomic<bool>* faulted) {
    void* const at = mmap(nullptr, range.length, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                          static_cast<off_t>(range.offset));
    if (at == MAP_FAILED) return absl::ErrnoToStatus(errno, "cannot map its file");
    auto* const host = static_cast<uint8_t*>(at);
    madvise(at, range.length, MADV_DONTDUMP);  // a core dump of ours shows no tenant's data
    const int slot = WatchMemoryRange(host, range.length, range.page_size, faulted);
    if (slot < 0) {
      munmap(at, range.length);
      return absl::ResourceExhaustedError("all memory regions of all ports together are too many");
    }
    return std::make_shared<const Mapping>(range, host, slot);
  }

  Mapping(const FileRange& range, uint8_t* host, int slot)
      : range_(range), host_(host), slot_(slot) {}
  ~Mapping() {
    UnwatchMemoryRange(slot_);
    munmap(host_, range_.length);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  const FileRange& range() const { return range_; }
  uint8_t* HostAt(uint64_t file_offset) const { return host_ + (file_offset - range_.offset); }

 private:
  const FileRange range_;
  uint8_t* const host_;
  const int slot_;
};

GuestMemory::GuestMemory() : faulted_(std::make_shared<std::atomic<bool>>(false)) {}
GuestMemory::~GuestMemory() = default;

absl::StatusOr<std::shared_ptr<const GuestMemory>> GuestMemory::Map(
    std::span<const RegionRequest> regions, std::span<const UniqueFd> fds, uint64_t quota,
    const GuestMemory* previous) {
  if (absl::Status status = CheckNumbers(regions, quota); !status.ok()) return status;
  if (regions.size() != fds.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(fds.size(), " files for ", regions.size(), " memory regions"));
  }
  InstallMemoryFaultHandler();
  std::shared_ptr<GuestMemory> memory(new GuestMemory);
  if (previous != nullptr) memory->faulted_ = previous->faulted_;

  for (size_t i = 0; i < regions.size(); ++i) {
    const auto failed = [i](const absl::Status& status) {
      return absl::Status(status.code(), absl::StrCat("memory region ", i, ": ", status.message()));
    };
    const absl::StatusOr<FileRange> range = CheckFile(regions[i], fds[i].get());
    if (!range.ok()) return failed(range.status());
    std::shared_ptr<const Mapping> mapping;
    for (size_t j = 0; previous != nullptr && j < previous->count_; ++j) {
      if (previous->backings_[j].mapping->range() == *range) {
        mapping = previous->backings_[j].mapping;
      }
    }
    if (mapping == nullptr) {
      auto made = Mapping::Make(*range, fds[i].get(), memory->faulted_.get());
      if (!made.ok()) return failed(made.status());
      mapping = *std::move(made);
    }
    memory->regions_[i] = {regions[i].guest_address, regions[i].size,
                           mapping->HostAt(regions[i].file_offset)};
    memory->backings_[i] = {regions[i].user_address, std::move(mapping)};
    memory->bytes_ += regions[i].size;
  }
  memory->count_ = regions.size();
  return memory;
}

ForeignPtr GuestMemory::TranslateUser(uint64_t user_address, uint64_t length) const {
  for (size_t i = 0; i < count_; ++i) {
    const uint64_t offset = user_address - backings_[i].user_address;
    if (length <= regions_[i].size && offset <= regions_[i].size - length) {
      return ForeignPtr(regions_[i].host + offset);
    }
  }
  return ForeignPtr();
}

}  // namespace weft::vhost
