// SPDX-License-Identifier: Apache-2.0
// Atomics each of which is a step at which others may come: for fdb_threads_fuzz, which compiles
// the forwarding database with them.
#pragma once

#include <atomic>

#define WEFT_FDB_ATOMIC SteppedAtomic

namespace weft::l2 {

// Who may come between two steps.
class Others {
 public:
  virtual ~Others() = default;
  virtual void Step() = 0;
};
inline Others*& Meanwhile() {
  static Others* others = nullptr;
  return others;
}

// One thread at a time is enough: the others come at its steps.
template <typename T>
class SteppedAtomic {
 public:
  constexpr SteppedAtomic() = default;
  constexpr explicit SteppedAtomic(T value) : value_(value) {}

  T load(std::memory_order /*order*/) const {
    Step();
    return value_;
  }
  void store(T value, std::memory_order /*order*/) {
    Step();
    value_ = value;
  }
  void fetch_add(T by, std::memory_order /*order*/) {
    Step();
    value_ += by;
  }
  void fetch_sub(T by, std::memory_order /*order*/) {
    Step();
    value_ -= by;
  }
  bool compare_exchange_strong(T& expected, T wanted) {
    Step();
    if (value_ == expected) {
      value_ = wanted;
      return true;
    }
    expected = value_;
    return false;
  }
  bool compare_exchange_weak(T& expected, T wanted, std::memory_order /*order*/) {
    return compare_exchange_strong(expected, wanted);
  }

 private:
  static void Step() {
    if (Meanwhile() != nullptr) Meanwhile()->Step();
  }

  T value_{};
};

}  // namespace weft::l2
