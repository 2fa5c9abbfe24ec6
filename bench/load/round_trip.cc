// SPDX-License-Identifier: Apache-2.0
#include "bench/load/round_trip.h"

#include <immintrin.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "core/base/clock.h"
#include "core/worker/cpu_set.h"

namespace weft::load {
namespace {

constexpr uint32_t kTrips = 200'000;
constexpr size_t kSamples = 200;

}  // namespace

uint64_t RoundTrip(int core, int other_core) {
  alignas(64) std::atomic<uint32_t> line{0};  // odd: the other core's turn
  std::thread other([&] {
    PinCallingThread({static_cast<uint16_t>(other_core)});
    for (uint32_t i = 0; i < kTrips; ++i) {
      while (line.load(std::memory_order_acquire) != 2 * i + 1) _mm_pause();
      line.store(2 * i + 2, std::memory_order_release);
    }
  });
  std::vector<uint64_t> samples;
  std::thread here([&] {
    PinCallingThread({static_cast<uint16_t>(core)});
    uint64_t start = Cycles();
    for (uint32_t i = 0; i < kTrips; ++i) {
      line.store(2 * i + 1, std::memory_order_release);
      while (line.load(std::memory_order_acquire) != 2 * i + 2) _mm_pause();
      if ((i + 1) % (kTrips / kSamples) == 0) {
        const uint64_t now = Cycles();
        samples.push_back((now - start) / (kTrips / kSamples));
        start = now;
      }
    }
  });
  here.join();
  other.join();
  const auto middle = samples.begin() + static_cast<ptrdiff_t>(samples.size() / 2);
  std::nth_element(samples.begin(), middle, samples.end());
  return *middle;
}

}  // namespace weft::load
