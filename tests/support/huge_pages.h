// SPDX-License-Identifier: Apache-2.0
// Huge pages of 2 MB for tests: those that the machine has free, or else some that it is allowed to
// make while this lasts, where we may say so.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>

#include "core/base/unique_fd.h"

namespace weft::testing {

class HugePages {
 public:
  static constexpr size_t kBytes = 2 << 20;  // of one
  // For memfd_create(2): the logarithm of their size stands in the upper bits.
  static constexpr unsigned kFile = MFD_HUGETLB | 21U << 26;

  // Room for so many.
  explicit HugePages(size_t count) {
    if (CanMap(count)) return;
    size_t before = 0;
    if (std::ifstream(kMost) >> before && std::ofstream(kMost) << before + count << std::flush) {
      before_ = before;
      if (CanMap(count)) return;
    }
    problem_ = std::string("no huge pages of 2 MB: ") + std::strerror(error_);
  }
  ~HugePages() {
    if (before_.has_value()) std::ofstream(kMost) << *before_;
  }
  HugePages(const HugePages&) = delete;
  HugePages& operator=(const HugePages&) = delete;

  // Why there are none; empty: there are.
  const std::string& problem() const { return problem_; }

 private:
  // As many as are made when somebody asks for them, and go with him.
  static constexpr const char* kMost =
      "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_overcommit_hugepages";

  bool CanMap(size_t count) {
    const UniqueFd file(memfd_create("huge", MFD_CLOEXEC | kFile));
    const size_t bytes = count * kBytes;
    void* at = MAP_FAILED;
    if (file.valid() && ftruncate(file.get(), static_cast<off_t>(bytes)) == 0) {
      at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    }
    error_ = errno;
    if (at == MAP_FAILED) return false;
    munmap(at, bytes);
    return true;
  }

  int error_ = 0;
  std::string problem_;
  std::optional<size_t> before_;
};

}  // namespace weft::testing
