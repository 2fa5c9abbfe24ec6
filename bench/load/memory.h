// SPDX-License-Identifier: Apache-2.0
// A container's memory: one file that the switch maps too. Huge pages if there are any to be had.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "core/base/unique_fd.h"

namespace weft::load {

class Memory {
 public:
  // At least `bytes`, zeroed and touched. `huge`: of 2 MiB pages, or ResourceExhausted.
  static absl::StatusOr<Memory> Make(size_t bytes, bool huge);
  ~Memory();
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&&) = delete;

  int fd() const { return fd_.get(); }
  uint8_t* base() const { return base_; }
  size_t size() const { return size_; }
  // The next `bytes`, aligned to `alignment`; there are as many as Make was asked for.
  uint8_t* Take(size_t bytes, size_t alignment);

 private:
  Memory(UniqueFd fd, uint8_t* base, size_t size) : fd_(std::move(fd)), base_(base), size_(size) {}

  UniqueFd fd_;
  uint8_t* base_ = nullptr;
  size_t size_ = 0;
  size_t taken_ = 0;
};

}  // namespace weft::load
