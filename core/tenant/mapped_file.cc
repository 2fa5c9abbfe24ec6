// SPDX-License-Identifier: Apache-2.0
#include "core/tenant/mapped_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "core/tenant/memory_fault.h"
#include "core/tenant/unmap.h"

namespace weft {
namespace {

constexpr uint64_t kPage = 4096;

}  // namespace

absl::StatusOr<FileRange> CheckTenantFile(int fd, uint64_t offset, uint64_t size) {
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
  const uint64_t end = offset + size;
  if (end > static_cast<uint64_t>(file.st_size)) {
    return absl::InvalidArgumentError(
        absl::StrCat("it ends at byte ", end, " of a file of ", file.st_size, " bytes"));
  }
  const uint64_t page_size = huge ? static_cast<uint64_t>(system.f_bsize) : kPage;
  const uint64_t first = offset / page_size * page_size;
  const uint64_t past = (end + page_size - 1) / page_size * page_size;
  return FileRange{file.st_dev, file.st_ino, first, past - first, page_size};
}

absl::StatusOr<std::shared_ptr<const MappedFile>> MappedFile::Map(const FileRange& range, int fd,
                                                                  std::atomic<bool>* faulted) {
  InstallMemoryFaultHandler();
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
  return std::make_shared<const MappedFile>(range, host, slot);
}

MappedFile::~MappedFile() {
  UnwatchMemoryRange(slot_);
  Unmap(host_, range_.length, range_.page_size);
}

}  // namespace weft
