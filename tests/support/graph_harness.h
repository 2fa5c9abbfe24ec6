// SPDX-License-Identifier: Apache-2.0
// A real graph with ports in memory: no EAL, no root, no threads. Add the nodes under test, wire
// the ports, inject frames, run, and look at what came out where and what was dropped why. Packets
// live on the heap, so the address sanitizer sees every overrun.
//
//   GraphHarness harness;
//   harness.Add<MacGuard>();
//   harness.AddStandIns();                 // "memory-input", "memory-output" and, if nobody ends
//   port-input, a sink harness.Wire({{.port = PortId(0), .features = {...}}, ...});
//   harness.Inject(PortId(0), frame);
//   harness.Run();
//   EXPECT_THAT(harness.Sent(PortId(1)), ElementsAre(frame));
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/graph/arc_entry.h"
#include "core/graph/graph.h"
#include "core/graph/memory_ports.h"
#include "core/graph/node.h"
#include "tests/support/frames.h"

namespace weft::testing {

using weft::MemoryInput;
using weft::MemoryOutput;
using weft::MemoryPorts;

// Stands where the switch would: port N's packets go to port N ^ 1.
class PairSwitch final : public Node<PairSwitch> {
 public:
  static constexpr NodeSpec kSpec{.name = "pair-switch",
                                  .arc = "port-input",
                                  .last = true,
                                  .help = "Joins ports 0 and 1, 2 and 3, ..."};
  enum class Next : uint8_t { kPortOutput };
  static constexpr auto kNexts = Labels<Next>({{Next::kPortOutput, "port-output", "every packet"}});
  void Process(Frame& frame) {
    ForEach(frame, [](Packet& packet) -> Verdict {
      packet.set_out_port(PortId(static_cast<uint16_t>(packet.in_port().value() ^ 1)));
      return Next::kPortOutput;
    });
  }
};

class GraphHarness {
 public:
  explicit GraphHarness(size_t pool_size = 1024);

  // Registers a node class; `args` are copied into each construction (use std::ref for references).
  template <typename N, typename... Args>
  NodeId Add(Args... args) {
    return AddClass(NodeClassOf<N>([args...](WorkerId) { return std::make_unique<N>(args...); }));
  }
  NodeId AddClass(NodeClass node_class);
  // The arcs' entries, memory-input and memory-output; PairSwitch too unless a node that ends
  // port-input was added.
  void AddStandIns();

  // Builds the plan on the first call; publishes the ports' features. Aborts on wiring errors: use
  // plan_status() first for tests of those.
  void Wire(std::vector<PortWiring> ports);
  // Tables of the test's own; the old ones are gone at once.
  void Publish(std::unique_ptr<const ArcTables> tables);
  absl::Status plan_status();

  void Inject(PortId port, Bytes frame, size_t header_length = Packet::kMaxHeader);
  // Polls until nothing waits any more; returns the packets that came in.
  size_t Run();

  const std::vector<Bytes>& Sent(PortId port) { return memory_.sent[port]; }
  size_t SentTotal() const;
  // Packets dropped by `node` for `reason`, blamed on `port`.
  uint64_t Dropped(PortId port, std::string_view node, std::string_view reason) const;
  uint64_t DroppedTotal() const;
  uint64_t Counted(std::string_view node, std::string_view counter) const;
  const NodeCounters& Node(std::string_view name) const;

  // Traces the next `count` packets that reach `node`.
  void Trace(std::string_view node, uint32_t count);

  Graph& graph() { return *graph_; }
  NodeCatalog& catalog() { return catalog_; }
  MemoryPorts& memory() { return memory_; }
  PacketPool& pool() { return pool_; }
  Rcu& rcu() { return rcu_; }
  const Published<ArcTables>& tables() const { return tables_; }
  WorkerCounters& counters() { return counters_; }
  // The object of a node class in the graph.
  template <typename N>
  N& Get() {
    return static_cast<N&>(graph_->node(graph_->plan().Find(N::kSpec.name)));
  }

 private:
  Rcu rcu_;
  MemoryPorts memory_;
  NodeCatalog catalog_;
  HeapPacketMemory heap_;
  PacketPool pool_;
  WorkerCounters counters_;
  Published<ArcTables> tables_;
  std::shared_ptr<const GraphPlan> plan_;
  std::unique_ptr<Graph> graph_;
  uint32_t trace_requests_ = 0;
};

}  // namespace weft::testing
