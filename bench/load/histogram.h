// SPDX-License-Identifier: Apache-2.0
// A histogram of TSC ticks: 32 steps for each power of two, so that a percentile is right to 3 %.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace weft::load {

class Histogram {
 public:
  void Add(uint64_t ticks) {
    ++counts_[Step(ticks)];
    ++total_;
  }
  uint64_t total() const { return total_; }
  // The least number of ticks that `share` (0 to 1) of the samples do not exceed; 0 without
  // samples.
  uint64_t Percentile(double share) const {
    const auto rank = static_cast<uint64_t>(share * static_cast<double>(total_));
    uint64_t below = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      below += counts_[i];
      if (below > 0 && below >= rank) return Highest(i);
    }
    return 0;
  }

 private:
  static constexpr unsigned kBits = 5;
  static constexpr uint64_t kSteps = uint64_t{1} << kBits;

  static size_t Step(uint64_t ticks) {
    if (ticks < kSteps) return ticks;
    const auto shift = static_cast<unsigned>(std::bit_width(ticks)) - kBits - 1;
    return (shift + 1) * kSteps + ((ticks >> shift) - kSteps);
  }
  static uint64_t Highest(size_t step) {
    if (step < kSteps) return step;
    const uint64_t shift = step / kSteps - 1;
    return ((kSteps + step % kSteps + 1) << shift) - 1;
  }

  std::array<uint64_t, (64 - kBits + 1) * kSteps> counts_{};
  uint64_t total_ = 0;
};

}  // namespace weft::load
