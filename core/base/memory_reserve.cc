// SPDX-License-Identifier: Apache-2.0
#include "core/base/memory_reserve.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>

namespace weft {
namespace {

// The handler has no other place to find it.
std::atomic<void*>& Block() {
  static constinit std::atomic<void*> block{nullptr};
  return block;
}

void Spend() {
  void* const block = Block().exchange(nullptr);
  if (block == nullptr) {
    std::fputs("weftd: out of memory; it ends at once\n", stderr);
    std::_Exit(1);
  }
  std::free(block);  // larger than what malloc keeps: it goes back to the system at once
}

}  // namespace

MemoryReserve::MemoryReserve() {
  Block().store(std::malloc(kBytes));
  std::set_new_handler(Spend);
}

MemoryReserve::~MemoryReserve() {
  std::set_new_handler(nullptr);
  std::free(Block().exchange(nullptr));
}

bool MemoryReserve::spent() const { return Block().load() == nullptr; }

absl::Status MemoryReserve::Restore() {
  if (spent()) Block().store(std::malloc(kBytes));
  return Check();
}

absl::Status MemoryReserve::Check() const {
  if (!spent()) return absl::OkStatus();
  return absl::ResourceExhaustedError("the system has no more memory");
}

}  // namespace weft
