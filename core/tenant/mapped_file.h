// SPDX-License-Identifier: Apache-2.0
// A file of a tenant's, mapped: what a container shares with weft, by whatever protocol (hostile.md
// rule 8). It is a regular file on hugetlbfs or tmpfs (a memfd is one), open for reading and
// writing, and long enough. The tenant can still shrink it: a touch of a page that is gone is
// repaired by memory_fault.h and raises a flag. The control thread makes it and is
// the last to let go of it.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"

namespace weft {

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

// The range of `fd` that holds [offset, offset + size), which does not wrap; InvalidArgument, with
// a sentence about "it", if the file is not as it must be.
absl::StatusOr<FileRange> CheckTenantFile(int fd, uint64_t offset, uint64_t size);

class MappedFile {
 public:
  // Maps a range that was checked; `fd` may be closed afterwards. A fault in it stores true to
  // `faulted`, which outlives the result. ResourceExhausted if this process has no room for one
  // more.
  static absl::StatusOr<std::shared_ptr<const MappedFile>> Map(const FileRange& range, int fd,
                                                               std::atomic<bool>* faulted);
  MappedFile(const FileRange& range, uint8_t* host, int slot)
      : range_(range), host_(host), slot_(slot) {}
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const FileRange& range() const { return range_; }
  // Where a byte of the file, which is in the range, lies.
  uint8_t* HostAt(uint64_t file_offset) const { return host_ + (file_offset - range_.offset); }

 private:
  const FileRange range_;
  uint8_t* const host_;
  const int slot_;  // of the memory fault handler's
};

}  // namespace weft
