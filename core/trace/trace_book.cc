// SPDX-License-Identifier: Apache-2.0
#include "core/trace/trace_book.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

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
                                                              const TraceStep& step,
                                                              const TraceNames& names) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const TraceField& field : node.trace) {
    std::string value = field.format(step.record.data());
    uint16_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    const bool named = names && field.number_of != TraceNumberOf::kNothing && error == std::errc();
    const std::string name = named ? names(field.number_of, number) : "";
    if (!name.empty()) Append(value, " (", name, ")");
    fields.emplace_back(field.name, std::move(value));
  }
  return fields;
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

void TraceBook::Forget(NodeId node) {
  std::erase_if(paths_, [node](const TracedPath& path) {
    return std::any_of(path.steps.begin(), path.steps.end(),
                       [node](const TraceStep& step) { return step.node == node; });
  });
}

std::vector<WayCount> TraceBook::Ways() const {
  std::map<std::vector<std::pair<NodeId, VerdictCode>>, uint64_t> counts;
  for (const TracedPath& path : paths_) {
    std::vector<std::pair<NodeId, VerdictCode>> way;
    for (const TraceStep& step : path.steps) way.emplace_back(step.node, step.verdict);
    ++counts[way];
  }
  std::vector<WayCount> ways;
  for (auto& [way, packets] : counts) ways.push_back({way, packets});
  std::stable_sort(ways.begin(), ways.end(),
                   [](const WayCount& a, const WayCount& b) { return a.packets > b.packets; });
  return ways;
}

}  // namespace weft
