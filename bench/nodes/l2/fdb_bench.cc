// SPDX-License-Identifier: Apache-2.0
// What the forwarding database costs a packet, in TSC ticks (counter "ticks"): lookups that hit,
// that miss, and the learning of a source that is known, with 100 to 1,000,000 entries, the
// addresses in random order.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "core/base/clock.h"
#include "nodes/l2/fdb.h"

namespace weft::l2 {
namespace {

constexpr BridgeId kBridge(1);
constexpr PortId kPort(3);
constexpr uint32_t kNoLimit = ~0U;

FdbKey Key(uint64_t n) { return FdbKey(kBridge, MacAddress::FromBits(0x0200'0000'0000 + n)); }

// `entries` learned addresses and the order in which to ask for them.
struct Filled {
  explicit Filled(size_t entries)
      : fdb(std::max(entries, Fdb::kDefaultCapacity), 4711), order(entries) {
    for (uint64_t i = 0; i < entries; ++i) fdb.Learn(Key(i), kPort, kNoLimit, 1);
    std::vector<uint64_t> numbers(entries);
    std::iota(numbers.begin(), numbers.end(), 0);
    std::shuffle(numbers.begin(), numbers.end(), std::mt19937_64(1));
    std::transform(numbers.begin(), numbers.end(), order.begin(), Key);
  }
  Fdb fdb;
  std::vector<FdbKey> order;
};

// Runs `each(fdb, keys, i)` over the keys in vectors of 256, and reports ticks a key.
template <typename Each>
void Measure(benchmark::State& state, Filled& filled, Each each) {
  constexpr size_t kVector = 256;
  size_t at = 0;
  uint64_t ticks = 0, keys = 0;
  std::vector<FdbKey> vector(kVector + 8);
  for (auto _ : state) {
    for (FdbKey& key : vector) {
      key = filled.order[at];
      at = at + 1 == filled.order.size() ? 0 : at + 1;
    }
    const uint64_t start = Cycles();
    for (size_t i = 0; i < kVector; ++i) each(filled.fdb, vector.data(), i);
    ticks += Cycles() - start;
    keys += kVector;
  }
  state.counters["ticks"] = static_cast<double>(ticks) / static_cast<double>(keys);
  state.SetItemsProcessed(static_cast<int64_t>(keys));
}

void LookupHit(benchmark::State& state) {
  Filled filled(static_cast<size_t>(state.range(0)));
  Measure(state, filled, [](Fdb& fdb, const FdbKey* keys, size_t i) {
    benchmark::DoNotOptimize(fdb.Lookup(keys[i]));
  });
}

void LookupHitPrefetched(benchmark::State& state) {
  Filled filled(static_cast<size_t>(state.range(0)));
  Measure(state, filled, [](Fdb& fdb, const FdbKey* keys, size_t i) {
    fdb.Prefetch(keys[i + 4]);
    benchmark::DoNotOptimize(fdb.Lookup(keys[i]));
  });
}

void LookupMiss(benchmark::State& state) {
  Filled filled(static_cast<size_t>(state.range(0)));
  for (FdbKey& key : filled.order) key = FdbKey(BridgeId(2), key.mac());
  Measure(state, filled, [](Fdb& fdb, const FdbKey* keys, size_t i) {
    benchmark::DoNotOptimize(fdb.Lookup(keys[i]));
  });
}

void LearnKnown(benchmark::State& state) {
  Filled filled(static_cast<size_t>(state.range(0)));
  Measure(state, filled, [](Fdb& fdb, const FdbKey* keys, size_t i) {
    benchmark::DoNotOptimize(fdb.Learn(keys[i], kPort, kNoLimit, 1));
  });
}

BENCHMARK(LookupHit)->RangeMultiplier(10)->Range(100, 1'000'000);
BENCHMARK(LookupHitPrefetched)->RangeMultiplier(10)->Range(100, 1'000'000);
BENCHMARK(LookupMiss)->RangeMultiplier(10)->Range(100, 1'000'000);
BENCHMARK(LearnKnown)->RangeMultiplier(10)->Range(100, 1'000'000);

}  // namespace
}  // namespace weft::l2
