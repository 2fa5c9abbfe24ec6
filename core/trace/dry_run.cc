// SPDX-License-Identifier: Apache-2.0
#include "core/trace/dry_run.h"

#include <algorithm>
#include <utility>

#include "core/graph/graph.h"
#include "core/graph/node.h"
#include "core/packet/packet_pool.h"

namespace weft {
namespace {

// The frame, until an input has taken it.
struct Injected {
  PortId port;
  std::vector<uint8_t> bytes;
  bool taken = false;
};

class DryInput final : public Input<DryInput> {
 public:
  explicit DryInput(Injected& injected) : injected_(injected) {}

  // As from a container: the first bytes are private, the rest is borrowed.
  void Poll(Frame& frame) {
    if (std::exchange(injected_.taken, true)) return;
    Packet* const packet = graph_->pool().Take();
    if (packet == nullptr) return;
    std::vector<uint8_t>& bytes = injected_.bytes;
    const size_t header = std::min(bytes.size(), Packet::kMaxHeader);
    uint8_t* const to = packet->snapshot() + Packet::kVirtioNetHeader;
    std::copy_n(bytes.data(), header, to);
    packet->Reset(injected_.port, to, static_cast<uint32_t>(header));
    if (bytes.size() > header) {
      packet->SetPayload(
          {ForeignPtr(bytes.data() + header), static_cast<uint32_t>(bytes.size() - header)});
    }
    packet->set_trace(1);
    frame.Push(packet);
    frame.set_traced(true);
  }

 private:
  Injected& injected_;
};

class DryOutput final : public Output<DryOutput> {
 public:
  void Process(Frame& frame) {
    for (const Packet* packet : frame) TraceSent(*packet);
  }
};

}  // namespace

std::vector<TraceStep> DryRun(const GraphPlan& plan, const Published<ArcTables>& tables,
                              WorkerId worker, PortId port, std::span<const uint8_t> frame) {
  Injected injected{.port = port, .bytes = {frame.begin(), frame.end()}};
  const auto dry_plan = plan.WithNodes([&](const NodeClass& node) -> NodeClass::Factory {
    if (node.kind == NodeKind::kInput)
      return [&](WorkerId) { return std::make_unique<DryInput>(injected); };
    if (node.kind == NodeKind::kOutput)
      return [](WorkerId) { return std::make_unique<DryOutput>(); };
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
