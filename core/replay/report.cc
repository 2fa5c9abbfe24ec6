// SPDX-License-Identifier: Apache-2.0
#include "core/replay/report.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/trace/trace_book.h"

namespace weft {
namespace {

std::string StepText(const MemorySwitch& from, uint64_t number, const TraceStep& step) {
  const NodeClass& node = from.catalog().node(step.node);
  std::string text = Cat(number, " ", node.spec.name, ": ", VerdictText(node, step.verdict));
  if (node.kind == NodeKind::kOutput && step.verdict == kConsumed)
    Append(text, " to ", from.ports().NameOf(step.out_port));
  std::vector<std::string> details;
  for (const auto& [field, value] : RecordFields(node, step))
    details.push_back(Cat(field, " ", value));
  if (!details.empty()) Append(text, " (", Join(details), ")");
  return text;
}

}  // namespace

uint64_t Report::Grown(std::map<std::pair<size_t, size_t>, uint64_t>& known, size_t a, size_t b,
                       uint64_t now) {
  return now == 0 ? 0 : now - std::exchange(known[{a, b}], now);
}

std::vector<std::string> Report::Drops() {
  std::vector<std::string> lines;
  const auto add = [&](PortId port, const std::string& name) {
    for (const NodeClass& node : from_.catalog().nodes()) {
      for (size_t i = 0; i < node.drops.size(); ++i) {
        const size_t drop = node.first_drop + i;
        const uint64_t lost =
            Grown(drops_, port.value(), drop, from_.counters().drop(port, drop).value());
        if (lost != 0)
          lines.push_back(Cat(name, " ", node.spec.name, " ", node.drops[i].name, " ", lost));
      }
    }
  };
  for (const auto& port : from_.ports().ports()) add(port->id, port->name);
  add(PortId(), "-");
  return lines;
}

std::vector<std::string> Report::Counters() {
  std::vector<std::string> lines;
  for (const auto& plugin : from_.plugins()) {
    for (const std::string& name : plugin->info().nodes) {
      const NodeClass& node = *from_.catalog().Find(name);
      for (size_t i = 0; i < node.counters.size(); ++i) {
        const uint64_t more = Grown(counts_, node.id.value(), i,
                                    from_.counters().counter(node.first_counter + i).value());
        if (more != 0) lines.push_back(Cat(name, " ", node.counters[i].name, " ", more));
      }
    }
  }
  return lines;
}

std::vector<std::string> Report::Trace(uint64_t first) {
  std::vector<TraceStep> steps;
  TraceStep step;
  while (from_.graph().trace_ring().Pop(step)) steps.push_back(step);
  std::stable_sort(steps.begin(), steps.end(),
                   [](const TraceStep& a, const TraceStep& b) { return a.trace < b.trace; });
  const NodeId input = from_.catalog().Find(MemoryInput::kSpec.name)->id;
  std::vector<std::string> lines;
  for (const TraceStep& each : steps) {
    if (each.node != input) lines.push_back(StepText(from_, first + each.trace - 1, each));
  }
  return lines;
}

}  // namespace weft
