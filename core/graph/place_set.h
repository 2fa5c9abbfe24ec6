// SPDX-License-Identifier: Apache-2.0
// What splitting a frame is made of: sets of places in it, those with one verdict, and the packets
// that stand at them. A set at a time, because a pass over the packets with a cursor for each
// verdict waits for its own last store wherever packets come in runs. Worker.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "core/graph/frame.h"
#include "core/graph/verdict.h"

namespace weft {

// Places in a frame, a bit each.
class PlaceSet {
 public:
  static constexpr size_t kWords = Frame::kCapacity / 64;

  PlaceSet() = default;
  // The places [0, size).
  static PlaceSet UpTo(size_t size) {
    PlaceSet set;
    for (size_t w = 0; w < kWords && w * 64 < size; ++w) {
      const size_t here = size - w * 64;
      set.words[w] = here < 64 ? (uint64_t{1} << here) - 1 : ~uint64_t{0};
    }
    return set;
  }

  size_t size() const {
    size_t count = 0;
    for (const uint64_t word : words) count += static_cast<size_t>(std::popcount(word));
    return count;
  }
  // The lowest place; Frame::kCapacity if there is none.
  size_t Lowest() const {
    for (size_t w = 0; w < kWords; ++w) {
      if (words[w] != 0) return w * 64 + static_cast<size_t>(std::countr_zero(words[w]));
    }
    return Frame::kCapacity;
  }
  void Add(const PlaceSet& other) {
    for (size_t w = 0; w < kWords; ++w) words[w] |= other.words[w];
  }
  void Remove(const PlaceSet& other) {
    for (size_t w = 0; w < kWords; ++w) words[w] &= ~other.words[w];
  }

  std::array<uint64_t, kWords> words{};
};

// The verdicts of a frame's packets. What stands behind the last packet's may be anything.
struct alignas(64) Verdicts {
  std::array<VerdictCode, Frame::kCapacity> codes;

  VerdictCode& operator[](size_t i) { return codes[i]; }
  VerdictCode operator[](size_t i) const { return codes[i]; }
};

// The two steps, as far as there is something to choose between. All choices do the same.
struct SplitSteps {
  // The places among `among` whose verdict is `code`.
  PlaceSet (*match)(const Verdicts& verdicts, VerdictCode code, const PlaceSet& among);
  // Stores the packets at `places` from `to` on, in order, and nothing behind them.
  void (*gather)(Packet** to, Packet* const* packets, const PlaceSet& places);

  static const SplitSteps kBaseline;
  static const SplitSteps kAvx512;  // needs AVX-512 F and BW, and BMI, BMI2 and POPCNT
  static bool HasAvx512();
  static const SplitSteps& Best() { return HasAvx512() ? kAvx512 : kBaseline; }
};

}  // namespace weft
