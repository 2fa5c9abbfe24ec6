// SPDX-License-Identifier: Apache-2.0
// What l2-switch costs a packet (counter "ticks"), and flood a copy ("flood"), in a real graph
// between containers of 64-byte frames: destinations that are known, unknown and everybody, with 2
// and with 10,000 addresses on either side, in random order.
#include "nodes/l2/l2_switch.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <random>
#include <vector>

#include "bench/support/stage.h"
#include "bench/support/ticks.h"

namespace weft::bench {
namespace {

constexpr size_t kVector = 256;

// `count` addresses of a container, shuffled; a vector's worth more, so that one can begin
// anywhere.
std::vector<MacAddress> Hosts(uint16_t container, size_t count) {
  std::vector<MacAddress> hosts;
  for (size_t i = 0; i < count; ++i) {
    hosts.push_back(MacAddress::FromBits(0x0200'0100'0000U + (uint64_t{container} << 16) + i));
  }
  std::shuffle(hosts.begin(), hosts.end(), std::mt19937_64(container));
  for (size_t i = 0; i < kVector; ++i) hosts.push_back(hosts[i]);
  return hosts;
}

enum class To : int64_t { kKnown, kUnknown, kEverybody };

void Switch(benchmark::State& state) {
  const auto to = static_cast<To>(state.range(0));
  const auto addresses = static_cast<size_t>(state.range(1));
  const size_t receivers = to == To::kKnown ? 1 : 4;
  Stage stage({.containers = static_cast<uint16_t>(1 + receivers)});
  const size_t each = addresses / 2;
  std::vector<MacAddress> sources = Hosts(0, each);
  std::vector<MacAddress> destinations = Hosts(1, each);
  for (size_t i = 0; i < each; ++i) {
    stage.Learn(sources[i], 0);
    if (to == To::kKnown) stage.Learn(destinations[i], 1);
  }
  if (to == To::kEverybody) {
    std::fill(destinations.begin(), destinations.end(), MacAddress::FromBits(0xffff'ffff'ffff));
  }
  NodeTicks ticks(stage.node("l2-switch"));
  NodeTicks flood(stage.node("flood"));
  size_t at = 0;
  size_t received = 0;
  for (auto _ : state) {
    const auto here = [at](const std::vector<MacAddress>& hosts) {
      return std::span(hosts).subspan(at, kVector);
    };
    stage.Offer(0, kVector, here(destinations), here(sources));
    stage.Poll();
    ticks.Sample();
    flood.Sample();
    received += stage.Reclaim();
    at = (at + kVector) % each;
  }
  if (received != kVector * receivers * state.iterations()) state.SkipWithError("frames were lost");
  state.counters["ticks"] = ticks.Median();
  if (receivers > 1) state.counters["flood"] = flood.Median() / static_cast<double>(receivers);
}
BENCHMARK(Switch)->ArgNames({"to", "addresses"})->ArgsProduct({{0, 1, 2}, {2, 10'000}});

}  // namespace
}  // namespace weft::bench
