// SPDX-License-Identifier: Apache-2.0
// What the mac-guard plugin costs a packet (counter "ticks"), in vectors of 256 of which none,
// every third or each is spoofed.
#include <benchmark/benchmark.h>

#include <memory>

#include "bench/support/ticks.h"
#include "core/sdk/weft.h"
#include "tests/support/module_harness.h"

// NOLINTNEXTLINE(readability-identifier-naming): the name is what a loader looks for
extern "C" const weft::PluginDescriptor weft_plugin;

namespace weft {
namespace {

constexpr size_t kVector = Frame::kCapacity;
constexpr std::string_view kOwn = "02:00:00:00:00:11";
constexpr std::string_view kPorts = R"(
[[port]]
name = "web-1"
memory = {}
mac-guard = { allow = "02:00:00:00:00:11" }

[[port]]
name = "web-2"
memory = {}
)";

void Guard(benchmark::State& state) {
  const auto every = static_cast<size_t>(state.range(0));
  const std::unique_ptr<Module> module(weft_plugin.make());
  testing::ModuleHarness harness;
  module->Register(harness.registry());
  if (!harness.Configure(kPorts).empty()) return state.SkipWithError("cannot be configured");
  testing::GraphHarness& graph = harness.graph();
  const auto from = [](MacAddress source) {
    return testing::FrameTo(testing::MacNumber(1)).From(source).Build();
  };
  const testing::Bytes own = from(testing::Mac(kOwn));
  const testing::Bytes spoofed = from(testing::MacNumber(0x666));
  bench::NodeTicks ticks(graph.Node("mac-guard"));
  for (auto _ : state) {
    for (size_t i = 0; i < kVector; ++i) {
      graph.Inject(PortId(0), every != 0 && i % every == 0 ? spoofed : own);
    }
    graph.Run();
    ticks.Sample();
    graph.memory().sent.clear();
  }
  const size_t bad = every == 0 ? 0 : (kVector + every - 1) / every;
  if (graph.DroppedTotal() != bad * state.iterations()) state.SkipWithError("frames were lost");
  state.counters["ticks"] = ticks.Median();
}
BENCHMARK(Guard)->ArgName("spoofed-every")->Arg(0)->Arg(3)->Arg(1);

}  // namespace
}  // namespace weft
