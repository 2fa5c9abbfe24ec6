// SPDX-License-Identifier: Apache-2.0
#include "bench/load/memory.h"

#include <linux/memfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace weft::load {

absl::StatusOr<Memory> Memory::Make(size_t bytes, bool huge) {
  const size_t page = huge ? size_t{2} << 20 : 4096;
  const size_t size = (bytes + page - 1) / page * page;
  UniqueFd fd(memfd_create("load", MFD_CLOEXEC | (huge ? MFD_HUGETLB | MFD_HUGE_2MB : 0U)));
  if (!fd.valid() || ftruncate(fd.get(), static_cast<off_t>(size)) != 0) {
    return absl::ErrnoToStatus(errno, "cannot make memory for a container");
  }
  void* const at =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd.get(), 0);
  if (at == MAP_FAILED) return absl::ErrnoToStatus(errno, "cannot map memory for a container");
  return Memory(std::move(fd), static_cast<uint8_t*>(at), size);
}

Memory::Memory(Memory&& other) noexcept
    : fd_(std::move(other.fd_)),
      base_(std::exchange(other.base_, nullptr)),
      size_(other.size_),
      taken_(other.taken_) {}

Memory::~Memory() {
  if (base_ != nullptr) munmap(base_, size_);
}

uint8_t* Memory::Take(size_t bytes, size_t alignment) {
  const size_t at = (taken_ + alignment - 1) / alignment * alignment;
  if (bytes > size_ - at) {
    std::fprintf(stderr, "load: a container's memory was planned too small\n");
    std::abort();
  }
  taken_ = at + bytes;
  return base_ + at;
}

}  // namespace weft::load
