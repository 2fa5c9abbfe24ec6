// SPDX-License-Identifier: Apache-2.0
// What a packet costs by itself, in ticks a packet, vectors of 256 from a pool of long-lived slots:
// taking it and making it one of a port, borrowing payload for it, cloning it.
#include "core/packet/packet.h"

#include <benchmark/benchmark.h>

#include <array>

#include "bench/support/slots.h"
#include "bench/support/ticks.h"
#include "core/base/clock.h"

namespace weft {
namespace {

constexpr size_t kVector = 256;

// Runs `each(packet, i)` for a vector of packets, and once more if `again` says so.
template <typename Each>
void Measure(benchmark::State& state, Each each) {
  bench::Slots slots(kVector);
  PacketPool pool(slots, kVector);
  std::vector<uint64_t> samples;
  for (auto _ : state) {
    const uint64_t start = Cycles();
    for (size_t i = 0; i < kVector; ++i) {
      Packet* const packet = pool.Take();
      each(*packet, i);
      benchmark::DoNotOptimize(packet);
    }
    pool.EndDispatch();
    samples.push_back(Cycles() - start);
  }
  state.counters["ticks"] = bench::Median(samples) / kVector;
}

void TakeAndReset(benchmark::State& state) {
  Measure(state, [](Packet& packet, size_t) { packet.Reset(PortId(1), packet.snapshot(), 64); });
}
void TakeResetAndSetPayload(benchmark::State& state) {
  Measure(state, [](Packet& packet, size_t) {
    packet.Reset(PortId(1), packet.snapshot(), Packet::kMaxHeader);
    packet.SetPayload({ForeignPtr(), 1500 - Packet::kMaxHeader});
  });
}
void TakeAndClone(benchmark::State& state) {
  std::array<PacketSlot, 1> original;
  original[0].packet.Reset(PortId(1), original[0].packet.snapshot(), Packet::kMaxHeader);
  original[0].packet.SetPayload({ForeignPtr(), 1500 - Packet::kMaxHeader});
  Measure(state, [&](Packet& packet, size_t) { packet.CloneFrom(original[0].packet); });
}
BENCHMARK(TakeAndReset);
BENCHMARK(TakeResetAndSetPayload);
BENCHMARK(TakeAndClone);

}  // namespace
}  // namespace weft
