// SPDX-License-Identifier: Apache-2.0
// Two clocks: cycles (the TSC, for what a node costs) and Clock (monotonic time, simulated in
// tests). Any thread may ask; a simulated clock belongs to the thread of its test.
#pragma once

#include <x86intrin.h>

#include <chrono>
#include <cstdint>

namespace weft {

// TSC ticks. Constant rate on every machine that weft runs on; not the core's own clock.
inline uint64_t Cycles() { return __rdtsc(); }

using Time = std::chrono::nanoseconds;  // since an arbitrary start, never goes back

// Where code that waits, ages or expires takes its time from, so that a test can move it by hand.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time Now() const = 0;
};

class MonotonicClock final : public Clock {
 public:
  Time Now() const override {
    return std::chrono::duration_cast<Time>(std::chrono::steady_clock::now().time_since_epoch());
  }
};

// A clock that stands still until a test advances it.
class SimulatedClock final : public Clock {
 public:
  Time Now() const override { return now_; }
  void Advance(Time by) { now_ += by; }

 private:
  Time now_{std::chrono::seconds(1)};
};

}  // namespace weft
