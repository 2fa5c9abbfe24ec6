// SPDX-License-Identifier: Apache-2.0
#include "plugins/memif/regions.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace weft::memif {

static_assert(kMaxRegions <= kMaxTenantRegions);

absl::Status Regions::Add(uint64_t size, int fd, uint64_t quota) {
  const auto failed = [this](const absl::Status& status) {
    return absl::Status(status.code(), Cat("memory region ", count_, ": ", MessageOf(status)));
  };
  if (count_ == kMaxRegions) {
    return absl::InvalidArgumentError(
        Cat("more than ", kMaxRegions,
            " memory regions (a DPDK application with huge pages needs "
            "--single-file-segments)"));
  }
  if (size == 0) return failed(absl::InvalidArgumentError("it is empty"));
  if (size > quota - bytes_) {
    return absl::ResourceExhaustedError(
        Cat("the memory regions are larger than this port's limit of ", quota >> 20, " MiB"));
  }
  const absl::StatusOr<FileRange> range = CheckTenantFile(fd, 0, size);
  if (!range.ok()) return failed(range.status());
  auto mapped = MappedFile::Map(*range, fd, &faulted_);
  if (!mapped.ok()) return failed(mapped.status());
  regions_[count_] = {(*mapped)->HostAt(0), size};
  files_[count_] = *std::move(mapped);
  ++count_;
  bytes_ += size;
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> MakeRegionFile(uint64_t size) {
  UniqueFd file(memfd_create("weft-memif", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.valid() || ftruncate(file.get(), static_cast<off_t>(size)) != 0 ||
      fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return absl::ErrnoToStatus(errno, Cat("cannot make ", size, " bytes of shared memory"));
  }
  return file;
}

}  // namespace weft::memif
