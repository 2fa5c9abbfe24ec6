// SPDX-License-Identifier: Apache-2.0
// What dpdk-input ("input") and nic-output ("output") cost a packet, in a real graph between two
// net_ring devices, on one core: frames of 64, 512 and 1500 bytes in vectors of 32 and of 256. A
// ring's driver moves pointers; that of a NIC costs more.
#include <benchmark/benchmark.h>
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <sched.h>

#include <string>
#include <vector>

#include "bench/support/ticks.h"
#include "core/worker/eal.h"
#include "tests/nodes/nic/eal/nic_bench.h"

namespace weft::nic {
namespace {

// Both for all benchmarks: DPDK has room for few devices, and a ring's stays until the end.
struct NicStage {
  NicStage() {
    bench.AddPort(0, from.name());
    bench.AddPort(1, to.name());
  }
  RingNic from{"from"};
  RingNic to{"to"};
  NicBench bench;
};

void RingToRing(benchmark::State& state, NicStage& stage) {
  const auto size = static_cast<size_t>(state.range(0));
  const auto vector = static_cast<size_t>(state.range(1));
  const Bytes frame = testing::FrameTo(testing::MacNumber(1)).Size(size).Build();
  bench::NodeTicks input(stage.bench.node("dpdk-input"));
  bench::NodeTicks output(stage.bench.node("nic-output"));
  size_t sent = 0;
  for (auto _ : state) {
    for (size_t i = 0; i < vector; ++i) stage.from.Receive(stage.bench.MakeMbuf(frame));
    stage.bench.Run();
    input.Sample();
    output.Sample();
    sent += stage.to.TakeSent().size();
  }
  if (sent != vector * state.iterations()) state.SkipWithError("frames were lost");
  state.counters["input"] = input.Median();
  state.counters["output"] = output.Median();
}
}  // namespace
}  // namespace weft::nic

int main(int argc, char** argv) {
  std::vector<std::string> words = {"nic_nodes_bench",
                                    "--no-huge",
                                    "--no-pci",
                                    "--no-shconf",
                                    "-m",
                                    "192",
                                    "-l",
                                    std::to_string(sched_getcpu()),
                                    "--log-level",
                                    "lib.eal:error",
                                    "--no-telemetry"};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0) return 1;
  benchmark::Initialize(&argc, argv);
  {
    weft::nic::NicStage stage;
    benchmark::RegisterBenchmark(
        "RingToRing", [&](benchmark::State& state) { weft::nic::RingToRing(state, stage); })
        ->ArgNames({"bytes", "vector"})
        ->ArgsProduct({{64, 512, 1500}, {32, 256}});
    benchmark::RunSpecifiedBenchmarks();
  }
  weft::StopEal();
  return 0;
}
