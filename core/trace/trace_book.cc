// SPDX-License-Identifier: Apache-2.0
#include "core/trace/trace_book.h"

#include <algorithm>

#include "core/base/text.h"

namespace weft {

std::string VerdictText(const NodeClass& node, VerdictCode verdict) {
  if (verdict == kContinue) return "continue";
  if (verdict == kConsumed) return node.kind == NodeKind::kOutput ? "sent" : "consumed";
  if (IsDrop(verdict)) {
    const size_t reason = verdict - kFirstDrop;
    return reason < node.drops.size() ? Cat("drop: ", node.drops[reason].name) : "drop";
  }
  return verdict < node.nexts.size() ? Cat("-> ", node.nexts[verdict].name) : "->";
}

std::vector<std::pair<std::string, std::string>> RecordFields(const NodeClass& node,
                                                              const TraceStep& step) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const TraceField& field : node.trace) {
    fields.emplace_back(field.name, field.format(step.record.data()));
  }
  return fields;
}

void TraceBook::Request(const std::vector<Graph*>& graphs, NodeId node, uint32_t count) {
  for (Graph* graph : graphs) {
    TraceRequest& request = graph->trace_request();
    request.remaining.store(0, std::memory_order_relaxed);
    request.node.store(node.value(), std::memory_order_relaxed);
    request.remaining.store(std::min<uint32_t>(count, kMaxPaths), std::memory_order_relaxed);
  }
}

void TraceBook::Drain(WorkerId worker, TraceRing& ring) {
  TraceStep step;
  while (ring.Pop(step)) {
    const auto found = std::find_if(paths_.rbegin(), paths_.rend(), [&](const TracedPath& path) {
      return path.worker == worker && path.number == step.trace;
    });
    if (found != paths_.rend()) {
      found->steps.push_back(step);
      continue;
    }
    if (paths_.size() == kMaxPaths) paths_.erase(paths_.begin());
    paths_.push_back({worker, step.trace, {step}});
  }
}

}  // namespace weft
