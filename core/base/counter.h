// SPDX-License-Identifier: Apache-2.0
// A counter with one writer, mostly a worker, and any number of readers on other threads. Counting
// costs what ++ costs; reading is never a data race.
#pragma once

#include <atomic>
#include <cstdint>

namespace weft {

class Counter {
 public:
  // Only the owning thread calls Add.
  void Add(uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  // The same thread, for what is a level and no count.
  void Set(uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace weft
