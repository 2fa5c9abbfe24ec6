// SPDX-License-Identifier: Apache-2.0
// What features cost that do nothing: vectors of 256 packets of a port with none to four of them,
// in ticks a packet from the arc's entry, where there is one, to the node behind the last feature.
// All four are in the graph in each case. The cases take turns, vector by vector.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "bench/support/slots.h"
#include "bench/support/ticks.h"
#include "core/base/clock.h"
#include "core/graph/arc_entry.h"
#include "core/graph/graph.h"
#include "core/graph/node.h"

namespace weft {
namespace {

constexpr size_t kMost = 4;
constexpr size_t kVector = Frame::kCapacity;

struct Times {
  uint64_t began = 0, ended = 0;
};

class Source final : public Input<Source> {
 public:
  static constexpr NodeSpec kSpec{.name = "source", .help = "A full vector each time."};
  explicit Source(Times& times) : times_(times) {}
  void Poll(Frame& frame) {
    for (size_t i = 0; i < kVector; ++i) {
      Packet* const packet = graph_->pool().Take();
      packet->Reset(PortId(0), packet->snapshot(), 64);
      frame.Push(packet);
    }
    times_.began = Cycles();
  }

 private:
  Times& times_;
};

constexpr std::array<std::string_view, kMost> kNames = {"empty-1", "empty-2", "empty-3", "empty-4"};
template <size_t kNumber>
class Empty final : public Feature<Empty<kNumber>> {
 public:
  static constexpr NodeSpec kSpec{
      .name = kNames[kNumber], .arc = "port-input", .help = "Lets packets pass."};
  void Process(Frame& frame) {
    this->ForEach(frame, [](Packet&) -> typename Empty::Verdict { return Empty::Continue(); });
  }
};

class Sink final : public Node<Sink> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "sink", .arc = "port-input", .last = true, .help = "Takes packets."};
  explicit Sink(Times& times) : times_(times) {}
  void Process(Frame& frame) {
    times_.ended = Cycles();
    ForEach(frame, [](Packet&) -> Verdict { return Consumed(); });
  }

 private:
  Times& times_;
};

class NoPort final : public Output<NoPort> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "no-port", .arc = "port-output", .last = true, .help = "Nobody gets here."};
  void Process(Frame&) {}
};

class Scene {
 public:
  explicit Scene(size_t features) : slots_(kVector), pool_(slots_, kVector) {
    Add<Source>(std::ref(times_));
    Add<NoPort>();
    Add<ArcEntry<Arc::kPortInput>>();
    Add<ArcEntry<Arc::kPortOutput>>();
    Add<Empty<0>>();
    Add<Empty<1>>();
    Add<Empty<2>>();
    Add<Empty<3>>();
    Add<Sink>(std::ref(times_));
    auto plan = GraphPlan::Build(catalog_);
    if (!plan.ok()) std::abort();
    PortWiring port{.port = PortId(0), .output = "no-port"};
    for (size_t i = 0; i < features; ++i)
      port.features.push_back({std::string(kNames[i]), std::make_shared<int>()});
    auto arcs = ArcTables::Build(**plan, {port});
    if (!arcs.ok()) std::abort();
    arcs_.Store(rcu_, *std::move(arcs));
    graph_ = std::make_unique<Graph>(*plan, WorkerId(0), arcs_, pool_, counters_);
  }
  uint64_t Walk() {
    graph_->PollInputs();
    return times_.ended - times_.began;
  }

 private:
  template <typename N, typename... Args>
  void Add(Args... args) {
    if (!catalog_.Add(NodeClassOf<N>([args...](WorkerId) { return std::make_unique<N>(args...); }))
             .ok()) {
      std::abort();
    }
  }

  Times times_;
  Rcu rcu_;
  NodeCatalog catalog_;
  bench::Slots slots_;
  PacketPool pool_;
  WorkerCounters counters_;
  Published<ArcTables> arcs_;
  std::unique_ptr<Graph> graph_;
};

void EmptyFeatures(benchmark::State& state) {
  std::vector<std::unique_ptr<Scene>> scenes;
  for (size_t i = 0; i <= kMost; ++i) scenes.push_back(std::make_unique<Scene>(i));
  std::array<std::vector<uint64_t>, kMost + 1> samples;
  for (auto _ : state) {
    for (size_t i = 0; i <= kMost; ++i) samples[i].push_back(scenes[i]->Walk());
  }
  for (size_t i = 0; i <= kMost; ++i)
    state.counters["ticks_" + std::to_string(i)] = bench::Median(samples[i]) / double{kVector};
}
BENCHMARK(EmptyFeatures);

}  // namespace
}  // namespace weft
