// SPDX-License-Identifier: Apache-2.0
// What the graph costs by itself, beside librte_graph in the same program: vectors of 256 packets
// that go through eight nodes as a whole (ticks a node and vector), and that are split among four
// nexts at random by a field of the packet (ticks a packet).
#include <benchmark/benchmark.h>
#include <rte_eal.h>
#include <rte_graph.h>
#include <rte_graph_worker.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
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

constexpr size_t kHops = 8;
constexpr size_t kWays = 4;
constexpr size_t kVector = Frame::kCapacity;

// Which way each packet of the next vector goes. So many vectors are made that no branch predictor
// knows them by heart.
const std::array<uint8_t, kVector>& NextWays() {
  constexpr size_t kVectors = 1024;
  static const auto ways = [] {
    std::vector<std::array<uint8_t, kVector>> made(kVectors);
    std::mt19937 random(1);
    for (auto& vector : made) {
      for (uint8_t& way : vector) way = static_cast<uint8_t>(random() % kWays);
    }
    return made;
  }();
  static size_t next = 0;
  return ways[next++ % kVectors];
}

// When the first node began, and the last ended, with the vector at hand.
uint64_t began = 0;
uint64_t ended = 0;

// ---- ours

class Source final : public Input<Source> {
 public:
  static constexpr NodeSpec kSpec{.name = "source", .help = "A full vector each time."};
  void Poll(Frame& frame) {
    const auto& ways = NextWays();
    for (size_t i = 0; i < kVector; ++i) {
      Packet* const packet = graph_->pool().Take();
      packet->Reset(PortId(ways[i]), packet->snapshot(), 64);
      frame.Push(packet);
    }
  }
};

// A row of nodes, each of which hands everything to the next.
template <size_t kNumber>
class Hop final : public Node<Hop<kNumber>> {
 public:
  static constexpr std::array<std::string_view, kHops + 1> kNames = {
      "hop-0", "hop-1", "hop-2", "hop-3", "hop-4", "hop-5", "hop-6", "hop-7", "sink"};
  static constexpr NodeSpec kSpec{.name = kNames[kNumber],
                                  .arc = kNumber == 0 ? "port-input" : "",
                                  .last = kNumber == 0,
                                  .help = "Hands everything on."};
  enum class Next : uint8_t { kOn };
  static constexpr auto kNexts =
      Labels<Next>({{Next::kOn, Hop::kNames[kNumber + 1], "every packet"}});
  void Process(Frame& frame) {
    if constexpr (kNumber == 0) began = Cycles();
    this->ForEach(frame, [](Packet&) -> typename Hop::Verdict { return Next::kOn; });
  }
};

class Splitter final : public Node<Splitter> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "splitter", .arc = "port-input", .last = true, .help = "By the packet's port."};
  enum class Next : uint8_t { kA, kB, kC, kD };
  static constexpr auto kNexts = Labels<Next>({{Next::kA, "end-0", "port 0"},
                                               {Next::kB, "end-1", "port 1"},
                                               {Next::kC, "end-2", "port 2"},
                                               {Next::kD, "end-3", "port 3"}});
  void Process(Frame& frame) {
    began = Cycles();
    ForEach(frame,
            [](Packet& packet) -> Verdict { return static_cast<Next>(packet.in_port().value()); });
  }
};

// Takes packets.
template <size_t kNumber>
class End final : public Node<End<kNumber>> {
 public:
  static constexpr std::array<std::string_view, kWays + 1> kNames = {"end-0", "end-1", "end-2",
                                                                     "end-3", "sink"};
  static constexpr NodeSpec kSpec{.name = kNames[kNumber], .help = "Takes packets."};
  void Process(Frame& frame) {
    this->ForEach(frame, [](Packet&) -> typename End::Verdict { return End::Consumed(); });
    ended = Cycles();
  }
};

class NoPort final : public Output<NoPort> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "no-port", .arc = "port-output", .last = true, .help = "Nobody gets here."};
  void Process(Frame&) {}
};

class Ours {
 public:
  explicit Ours(bool split) : slots_(kVector), pool_(slots_, kVector) {
    Add<Source>();
    Add<NoPort>();
    Add<ArcEntry<Arc::kPortInput>>();
    Add<ArcEntry<Arc::kPortOutput>>();
    if (split) {
      Add<Splitter>();
      Add<End<0>>();
      Add<End<1>>();
      Add<End<2>>();
      Add<End<3>>();
    } else {
      AddHops(std::make_index_sequence<kHops>());
      Add<End<kWays>>();
    }
    auto plan = GraphPlan::Build(catalog_);
    if (!plan.ok()) Fail(plan.status());
    std::vector<PortWiring> ports;
    for (uint16_t i = 0; i < kWays; ++i) ports.push_back({PortId(i), "no-port", {}});
    auto arcs = ArcTables::Build(**plan, ports);
    if (!arcs.ok()) Fail(arcs.status());
    arcs_.Store(rcu_, *std::move(arcs));
    graph_ = std::make_unique<Graph>(*plan, WorkerId(0), arcs_, pool_, counters_);
  }
  void Walk() { graph_->PollInputs(); }

 private:
  [[noreturn]] static void Fail(const absl::Status& status) {
    std::fprintf(stderr, "graph_bench: %s\n", status.ToString().c_str());
    std::abort();
  }
  template <typename N>
  void Add() {
    const auto added = catalog_.Add(NodeClassOf<N>([](WorkerId) { return std::make_unique<N>(); }));
    if (!added.ok()) Fail(added.status());
  }
  template <size_t... kNumbers>
  void AddHops(std::index_sequence<kNumbers...>) {
    (Add<Hop<kNumbers>>(), ...);
  }

  Rcu rcu_;
  NodeCatalog catalog_;
  bench::Slots slots_;
  PacketPool pool_;
  WorkerCounters counters_;
  Published<ArcTables> arcs_;
  std::unique_ptr<Graph> graph_;
};

// ---- librte_graph

std::array<PacketSlot, kVector> objects;

uint16_t TheirSource(rte_graph* graph, rte_node* node, void**, uint16_t) {
  void** const stream = rte_node_next_stream_get(graph, node, 0, kVector);
  const auto& ways = NextWays();
  for (size_t i = 0; i < kVector; ++i) {
    Packet& packet = objects[i].packet;
    packet.Reset(PortId(ways[i]), packet.snapshot(), 64);
    stream[i] = &packet;
  }
  rte_node_next_stream_put(graph, node, 0, kVector);
  return kVector;
}
template <bool kFirst>
uint16_t TheirHop(rte_graph* graph, rte_node* node, void**, uint16_t count) {
  if (kFirst) began = Cycles();
  rte_node_next_stream_move(graph, node, 0);
  return count;
}
// As DPDK's own nodes do it: speculate on a next, and put what differs where it belongs.
uint16_t TheirSplitter(rte_graph* graph, rte_node* node, void** packets, uint16_t count) {
  began = Cycles();
  for (uint16_t i = 0; i < count; ++i) {
    const auto* const packet = static_cast<const Packet*>(packets[i]);
    rte_node_enqueue_x1(graph, node, packet->in_port().value(), packets[i]);
  }
  return count;
}
uint16_t TheirEnd(rte_graph*, rte_node*, void**, uint16_t count) {
  ended = Cycles();
  return count;
}

void Register(const std::string& name, rte_node_process_t process, bool source,
              const std::vector<std::string>& nexts) {
  // The structure ends in the names of the nexts.
  std::vector<std::byte> memory(sizeof(rte_node_register) + nexts.size() * sizeof(char*));
  auto* const node = new (memory.data()) rte_node_register{};
  std::strncpy(node->name, name.c_str(), sizeof(node->name) - 1);
  node->flags = source ? RTE_NODE_SOURCE_F : 0;
  node->process = process;
  node->parent_id = RTE_NODE_ID_INVALID;
  node->nb_edges = static_cast<rte_edge_t>(nexts.size());
  for (size_t i = 0; i < nexts.size(); ++i) node->next_nodes[i] = nexts[i].c_str();
  if (__rte_node_register(node) == RTE_NODE_ID_INVALID) std::abort();
}

rte_graph* TheirGraph(const std::string& name, std::vector<const char*> patterns) {
  rte_graph_param param{};
  param.socket_id = SOCKET_ID_ANY;
  param.nb_node_patterns = static_cast<uint16_t>(patterns.size());
  param.node_patterns = patterns.data();
  if (rte_graph_create(name.c_str(), &param) == RTE_GRAPH_ID_INVALID) std::abort();
  return rte_graph_lookup(name.c_str());
}

rte_graph* TheirRow() {
  static rte_graph* const graph = [] {
    Register("row-source", TheirSource, true, {"row-0"});
    for (size_t i = 0; i < kHops; ++i) {
      const std::string next = i + 1 < kHops ? "row-" + std::to_string(i + 1) : "row-end";
      Register("row-" + std::to_string(i), i == 0 ? TheirHop<true> : TheirHop<false>, false,
               {next});
    }
    Register("row-end", TheirEnd, false, {});
    return TheirGraph("row", {"row-*"});
  }();
  return graph;
}
rte_graph* TheirSplit() {
  static rte_graph* const graph = [] {
    Register("split-source", TheirSource, true, {"split-node"});
    Register("split-node", TheirSplitter, false, {"split-0", "split-1", "split-2", "split-3"});
    for (size_t i = 0; i < kWays; ++i) Register("split-" + std::to_string(i), TheirEnd, false, {});
    return TheirGraph("split", {"split-*"});
  }();
  return graph;
}

// ---- the comparison

template <typename Walk>
void Measure(benchmark::State& state, double divisor, Walk walk) {
  std::vector<uint64_t> samples;
  for (auto _ : state) {
    walk();
    samples.push_back(ended - began);
  }
  state.counters["ticks"] = bench::Median(samples) / divisor;
}

void WholeOurs(benchmark::State& state) {
  Ours ours(false);
  Measure(state, kHops, [&] { ours.Walk(); });
}
void WholeTheirs(benchmark::State& state) {
  rte_graph* const graph = TheirRow();
  Measure(state, kHops, [&] { rte_graph_walk(graph); });
}
void SplitOurs(benchmark::State& state) {
  Ours ours(true);
  Measure(state, kVector, [&] { ours.Walk(); });
}
void SplitTheirs(benchmark::State& state) {
  rte_graph* const graph = TheirSplit();
  Measure(state, kVector, [&] { rte_graph_walk(graph); });
}
BENCHMARK(WholeOurs);
BENCHMARK(WholeTheirs);
BENCHMARK(SplitOurs);
BENCHMARK(SplitTheirs);

}  // namespace
}  // namespace weft

int main(int argc, char** argv) {
  std::vector<std::string> words = {
      "graph_bench", "--no-huge",   "--no-pci",      "--no-shconf",   "-m", "64", "-l",
      "0",           "--log-level", "lib.eal:error", "--no-telemetry"};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0) return 1;
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  rte_eal_cleanup();
  return 0;
}
