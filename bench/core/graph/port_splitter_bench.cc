// SPDX-License-Identifier: Apache-2.0
// What an output node pays to sort a full frame by out-port: ticks a packet, for 1, 4, 64 and 256
// ports that follow each other at random.
#include "core/graph/port_splitter.h"

#include <benchmark/benchmark.h>

#include <random>

#include "bench/support/ticks.h"
#include "core/base/clock.h"

namespace weft {
namespace {

void Split(benchmark::State& state) {
  const auto ports = static_cast<uint32_t>(state.range(0));
  std::mt19937 random(1);
  auto slots = std::make_unique<PacketSlot[]>(Frame::kCapacity);
  Frame frame;
  for (size_t i = 0; i < Frame::kCapacity; ++i) {
    slots[i].packet.set_out_port(PortId(static_cast<uint16_t>(random() % ports)));
    frame.Push(&slots[i].packet);
  }
  auto splitter = std::make_unique<PortSplitter>();
  std::vector<uint64_t> samples;
  for (auto _ : state) {
    size_t sent = 0;
    const uint64_t start = Cycles();
    splitter->ForEachPort(frame, [&](PortId, Packet* const* packets, size_t count, PortId) {
      benchmark::DoNotOptimize(packets[count - 1]);
      sent += count;
    });
    samples.push_back(Cycles() - start);
    if (sent != Frame::kCapacity) state.SkipWithError("packets were lost");
  }
  state.counters["ticks"] = bench::Median(samples) / Frame::kCapacity;
}
BENCHMARK(Split)->ArgName("ports")->Arg(1)->Arg(4)->Arg(64)->Arg(256);

}  // namespace
}  // namespace weft
