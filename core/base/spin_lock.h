// SPDX-License-Identifier: Apache-2.0
// A lock among workers, held for one burst: whoever waits spins, for the holder is a worker that
// runs. Nothing that the control thread or a tenant can hold.
#pragma once

#include <immintrin.h>

#include <atomic>

namespace weft {

class SpinGuard {
 public:
  explicit SpinGuard(std::atomic_flag& flag) : flag_(flag) {
    while (flag_.test_and_set(std::memory_order_acquire)) {
      while (flag_.test(std::memory_order_relaxed)) _mm_pause();
    }
  }
  ~SpinGuard() { flag_.clear(std::memory_order_release); }
  SpinGuard(const SpinGuard&) = delete;
  SpinGuard& operator=(const SpinGuard&) = delete;

 private:
  std::atomic_flag& flag_;
};

}  // namespace weft
