// SPDX-License-Identifier: Apache-2.0
#include "tests/support/graph_harness.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "core/base/text.h"

namespace weft::testing {
namespace {

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "test: %s\n", why.c_str());
  std::abort();
}

}  // namespace

GraphHarness::GraphHarness(size_t pool_size) : pool_(heap_, pool_size) {}

NodeId GraphHarness::AddClass(NodeClass node_class) {
  const absl::StatusOr<NodeId> id = catalog_.Add(std::move(node_class));
  if (!id.ok()) Fail(MessageOf(id.status()));
  return *id;
}

void GraphHarness::AddStandIns() {
  Add<ArcEntry<Arc::kPortInput>>();
  Add<ArcEntry<Arc::kPortOutput>>();
  Add<MemoryInput>(std::ref(memory_));
  Add<MemoryOutput>(std::ref(memory_));
  const bool has_switch =
      std::any_of(catalog_.nodes().begin(), catalog_.nodes().end(), [](const NodeClass& node) {
        return node.spec.arc == ArcName(Arc::kPortInput) && node.spec.last;
      });
  if (!has_switch) Add<PairSwitch>();
}

absl::Status GraphHarness::plan_status() { return GraphPlan::Build(catalog_).status(); }

void GraphHarness::Wire(std::vector<PortWiring> ports) {
  if (plan_ == nullptr) {
    absl::StatusOr<std::shared_ptr<const GraphPlan>> plan = GraphPlan::Build(catalog_);
    if (!plan.ok()) Fail(MessageOf(plan.status()));
    plan_ = *std::move(plan);
  }
  for (PortWiring& wiring : ports) {
    if (wiring.output.empty()) wiring.output = "memory-output";
  }
  absl::StatusOr<std::unique_ptr<const ArcTables>> tables = ArcTables::Build(*plan_, ports);
  if (!tables.ok()) Fail(MessageOf(tables.status()));
  Publish(*std::move(tables));
  if (graph_ == nullptr)
    graph_ = std::make_unique<Graph>(plan_, WorkerId(0), tables_, pool_, counters_);
}

void GraphHarness::Publish(std::unique_ptr<const ArcTables> tables) {
  tables_.Store(rcu_, std::move(tables));
  rcu_.Poll();
}

void GraphHarness::Inject(PortId port, Bytes frame, size_t header_length) {
  memory_.waiting.push_back(
      {.port = port, .frame = std::move(frame), .header_length = header_length});
}

size_t GraphHarness::Run() {
  size_t total = 0;
  while (const size_t packets = graph_->PollInputs()) total += packets;
  return total;
}

void GraphHarness::Trace(std::string_view node, uint32_t count) {
  auto watch = std::make_unique<Watch>();
  watch->trace = std::make_shared<TraceRequest>(
      TraceRequest{.node = catalog_.Find(node)->id, .count = count, .number = ++trace_requests_});
  graph_->SetWatch(rcu_, std::move(watch));
  rcu_.Poll();
}

size_t GraphHarness::SentTotal() const {
  size_t total = 0;
  for (const auto& [port, frames] : memory_.sent) total += frames.size();
  return total;
}

uint64_t GraphHarness::Dropped(PortId port, std::string_view node, std::string_view reason) const {
  const NodeClass* node_class = catalog_.Find(node);
  if (node_class == nullptr) Fail(Cat("no node ", node));
  for (size_t i = 0; i < node_class->drops.size(); ++i) {
    if (node_class->drops[i].name == reason)
      return counters_.drop(port, node_class->first_drop + i).value();
  }
  Fail(Cat("node ", node, " has no drop ", reason));
}

uint64_t GraphHarness::DroppedTotal() const {
  uint64_t total = 0;
  for (size_t port = 0; port <= kMaxPorts; ++port) {
    for (size_t drop = 0; drop < catalog_.drop_count(); ++drop) {
      total += counters_.drop(PortId(static_cast<uint16_t>(port)), drop).value();
    }
  }
  return total;
}

uint64_t GraphHarness::Counted(std::string_view node, std::string_view counter) const {
  const NodeClass* node_class = catalog_.Find(node);
  if (node_class == nullptr) Fail(Cat("no node ", node));
  for (size_t i = 0; i < node_class->counters.size(); ++i) {
    if (node_class->counters[i].name == counter)
      return counters_.counter(node_class->first_counter + i).value();
  }
  Fail(Cat("node ", node, " has no counter ", counter));
}

const NodeCounters& GraphHarness::Node(std::string_view name) const {
  const NodeClass* node_class = catalog_.Find(name);
  if (node_class == nullptr) Fail(Cat("no node ", name));
  return counters_.node(node_class->id);
}

}  // namespace weft::testing
