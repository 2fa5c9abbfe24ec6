// SPDX-License-Identifier: Apache-2.0
// How long packets were in the switch, as a histogram in the manner of HdrHistogram: eight steps to
// each doubling, so that a quantile is right to an eighth of itself, whatever its size. The worker
// whose packets they are writes it; any thread may read.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "core/base/counter.h"

namespace weft {

class LatencyHistogram {
 public:
  static constexpr size_t kSteps = 8;            // to a doubling
  static constexpr unsigned kFirstDoubling = 6;  // what is below 64 ticks is one step
  static constexpr unsigned kDoublings = 30;  // the last step is half a minute at 2 GHz, and more
  static constexpr size_t kBuckets = 1 + kSteps * kDoublings;

  // `packets` that took so many TSC ticks.
  void Add(uint64_t cycles, uint64_t packets) { buckets_[BucketOf(cycles)].Add(packets); }
  uint64_t count(size_t bucket) const { return buckets_[bucket].value(); }

  static size_t BucketOf(uint64_t cycles) {
    const auto doubling = static_cast<unsigned>(std::bit_width(cycles | 1)) - 1;
    if (doubling < kFirstDoubling) return 0;
    if (doubling >= kFirstDoubling + kDoublings) return kBuckets - 1;
    return 1 + (doubling - kFirstDoubling) * kSteps + ((cycles >> (doubling - 3)) & (kSteps - 1));
  }
  // The first number of ticks that is beyond the bucket.
  static uint64_t EndOf(size_t bucket) {
    if (bucket == 0) return uint64_t{1} << kFirstDoubling;
    const size_t doubling = (bucket - 1) / kSteps + kFirstDoubling;
    return (kSteps + (bucket - 1) % kSteps + 1) << (doubling - 3);
  }

 private:
  std::array<Counter, kBuckets> buckets_;
};

}  // namespace weft
