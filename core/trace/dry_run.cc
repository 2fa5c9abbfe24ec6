// SPDX-License-Identifier: Apache-2.0
#include "core/trace/dry_run.h"

#include "core/graph/graph.h"
#include "core/graph/memory_ports.h"
#include "core/packet/packet_pool.h"

namespace weft {

std::vector<TraceStep> DryRun(const GraphPlan& plan, const Published<ArcTables>& tables,
                              WorkerId worker, PortId port, std::span<const uint8_t> frame) {
  MemoryPorts ports;
  ports.waiting.push_back({.port = port, .frame = {frame.begin(), frame.end()}, .trace = 1});
  const auto dry_plan = plan.WithNodes([&](const NodeClass& node) -> NodeClass::Factory {
    if (node.kind == NodeKind::kInput && !node.spec.returns_kept)
      return [&](WorkerId) { return std::make_unique<MemoryInput>(ports); };
    if (node.kind == NodeKind::kOutput)
      return [&](WorkerId) { return std::make_unique<MemoryOutput>(ports); };
    return node.make_dry ? node.make_dry : node.make;
  });
  HeapPacketMemory memory;
  PacketPool pool(memory, 2 * Frame::kCapacity);
  WorkerCounters counters;
  Graph graph(dry_plan, worker, tables, pool, counters);
  graph.PollInputs();
  std::vector<TraceStep> steps;
  TraceStep step;
  while (graph.trace_ring().Pop(step)) steps.push_back(step);
  // Which input it was handed in by is an accident.
  if (!steps.empty()) steps.erase(steps.begin());
  return steps;
}

}  // namespace weft
