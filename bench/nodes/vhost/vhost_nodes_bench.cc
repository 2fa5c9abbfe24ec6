// SPDX-License-Identifier: Apache-2.0
// What vhost-input ("input") and vhost-output ("output") cost a packet, and the whole way from ring
// to ring ("way"), in a real graph between two containers on one core: frames of 64 to 1500 bytes,
// vectors of 1, 32 and 256, with and without mergeable receive buffers; and 1500 bytes into buffers
// of 512, which takes three.
#include <benchmark/benchmark.h>

#include "bench/support/stage.h"
#include "bench/support/ticks.h"
#include "core/base/clock.h"

namespace weft::bench {
namespace {

void RingToRing(benchmark::State& state) {
  const auto frame = static_cast<uint32_t>(state.range(0));
  const auto vector = static_cast<size_t>(state.range(1));
  const bool mergeable = state.range(2) != 0;
  const auto buffer = static_cast<uint32_t>(state.range(3));
  Stage stage({.frame = frame, .receive_buffer = buffer, .mergeable = mergeable});
  NodeTicks input(stage.node("vhost-input"));
  NodeTicks output(stage.node("vhost-output"));
  std::vector<double> way;
  size_t buffers = 0;
  for (auto _ : state) {
    stage.Offer(0, vector, MacOf(1));
    const uint64_t start = Cycles();
    stage.Poll();
    way.push_back(static_cast<double>(Cycles() - start) / static_cast<double>(vector));
    input.Sample();
    output.Sample();
    buffers += stage.Reclaim();
  }
  const size_t of_frame = (frame + vhost::kNetHeader + buffer - 1) / buffer;
  if (buffers != vector * of_frame * state.iterations()) state.SkipWithError("frames were lost");
  state.counters["input"] = input.Median();
  state.counters["output"] = output.Median();
  state.counters["way"] = Median(way);
}
BENCHMARK(RingToRing)
    ->ArgNames({"bytes", "vector", "mergeable", "buffer"})
    ->ArgsProduct({{64, 512, 1500}, {256}, {0, 1}, {2048}})
    ->ArgsProduct({{64}, {1, 32}, {0}, {2048}})
    ->Args({1500, 256, 1, 512});

}  // namespace
}  // namespace weft::bench
