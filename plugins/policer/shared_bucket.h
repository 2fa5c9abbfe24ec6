// SPDX-License-Identifier: Apache-2.0
// A bucket of tokens that any number of workers take from, without a lock: what two workers pass
// that poll two queues of one port is together what the port may send. (core's TokenBucket is
// another: control's alone, for messages.)
//
// The state is one word, the tokens that have been taken since the clock's zero; those that have
// come since then follow from the time (Rate::Earned), so nobody has to put any in. A bucket is
// full when `burst` tokens have come that nobody took; what comes then is lost.
//
// librte_meter has the same arithmetic (RFC 2697 with an excess burst of zero), but three words
// that one thread writes: two workers would each get half of the rate, or wait for each other. A
// test holds both against each other.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace weft::policer {

class SharedBucket {
 public:
  // Full, at whatever time it is first asked.
  explicit SharedBucket(uint64_t burst) : burst_(burst), taken_(uint64_t{0} - burst) {}

  // Any worker. `earned` is what the rate gives until now; a worker may be behind another one.
  // False, and nothing is taken, if there are fewer than `tokens`.
  bool Take(uint64_t earned, uint64_t tokens) {
    uint64_t taken = taken_.load(std::memory_order_relaxed);
    while (true) {
      const uint64_t from = From(taken, earned);
      if (Less(earned, from + tokens)) return false;
      if (taken_.compare_exchange_weak(taken, from + tokens, std::memory_order_relaxed))
        return true;
    }
  }
  // Any thread: how many there are.
  uint64_t Level(uint64_t earned) const {
    const uint64_t from = From(taken_.load(std::memory_order_relaxed), earned);
    return Less(earned, from) ? 0 : earned - from;
  }

  // Before any worker has it: there are so many, of those that it may hold.
  void SetLevel(uint64_t earned, uint64_t tokens) {
    taken_.store(earned - std::min(tokens, burst_), std::memory_order_relaxed);
  }

  uint64_t burst() const { return burst_; }

 private:
  // Both count on and may wrap.
  static bool Less(uint64_t a, uint64_t b) { return static_cast<int64_t>(a - b) < 0; }
  // Tokens that are older than `burst` cannot be taken any more.
  uint64_t From(uint64_t taken, uint64_t earned) const {
    const uint64_t oldest = earned - burst_;
    return Less(taken, oldest) ? oldest : taken;
  }

  const uint64_t burst_;
  std::atomic<uint64_t> taken_;
};

}  // namespace weft::policer
