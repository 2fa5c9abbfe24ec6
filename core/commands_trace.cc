// SPDX-License-Identifier: Apache-2.0
// trace add, show trace, trace clear.
#include <rte_cycles.h>

#include <algorithm>

#include "absl/strings/str_format.h"
#include "core/base/text.h"
#include "core/commands.h"
#include "core/shell/command_table.h"
#include "core/switch.h"

namespace weft {
namespace {

std::vector<std::string> NodeNames(const Switch& s) {
  std::vector<std::string> names;
  for (const NodeClass& node : s.catalog().nodes()) names.emplace_back(node.spec.name);
  return names;
}

std::string PortName(const Switch& s, PortId port) {
  return port.valid() ? s.ports().NameOf(port) : "-";
}

absl::StatusOr<Reply> TraceAdd(Switch& s, const Arguments& arguments) {
  const std::string_view name = arguments.Text("node");
  const NodeClass* node = s.catalog().Find(name);
  if (node == nullptr) {
    return absl::NotFoundError(
        Cat("there is no node \"", name, "\" (there are: ", Join(NodeNames(s), ", "), ")"));
  }
  const uint64_t count = arguments.Count("count");
  if (count == 0 || count > TraceBook::kMaxPaths) {
    return absl::InvalidArgumentError(Cat("count must be 1 to ", TraceBook::kMaxPaths));
  }
  s.RequestTrace(node->id, static_cast<uint32_t>(count));
  return Reply(
      Cat("tracing the next ", count, " packets that reach ", name, "; see: show trace\n"));
}

// "02:00:00:00:00:02 < 02:00:00:00:00:01 type 0x0800"
std::string Addresses(const TraceStep& step) {
  if (step.length < kMinFrame) return "";
  EthernetHeader header;
  std::copy_n(step.header.begin(), sizeof(header), reinterpret_cast<uint8_t*>(&header));
  return absl::StrFormat("%s > %s, type 0x%04x", header.source.ToString(),
                         header.destination.ToString(), static_cast<unsigned>(header.type));
}

std::vector<Column> StepColumns() {
  return {{"node", "where it was"},
          {"verdict", "what the node decided"},
          {"out-port", "where it was to go by then"},
          {"ns", "since the first step", CellKind::kCount},
          {"details", "what the node looked at"}};
}

Table StepsOf(const Switch& s, const TracedPath& path) {
  Table table{.columns = StepColumns()};
  const uint64_t hz = std::max<uint64_t>(rte_get_tsc_hz(), 1);
  for (const TraceStep& step : path.steps) {
    const NodeClass& node = s.catalog().node(step.node);
    std::vector<std::string> details;
    for (const auto& [field, value] : RecordFields(node, step))
      details.push_back(Cat(field, " ", value));
    const uint64_t cycles = step.cycles - path.steps.front().cycles;
    table.rows.push_back(
        {std::string(node.spec.name), VerdictText(node, step.verdict), PortName(s, step.out_port),
         static_cast<uint64_t>(1e9 * static_cast<double>(cycles) / static_cast<double>(hz)),
         Join(details, ", ")});
  }
  return table;
}

absl::StatusOr<Reply> ShowTrace(Switch& s) {
  s.DrainTraces();
  if (s.traces().paths().empty())
    return Reply(std::string("no traces; start with: trace add NODE COUNT\n"));
  Sections sections;
  for (const TracedPath& path : s.traces().paths()) {
    const TraceStep& first = path.steps.front();
    sections.list.push_back(
        {Cat("Packet ", path.number, " of worker ", path.worker.value(), " from ",
             PortName(s, first.in_port), ", ", first.length, " bytes, ", Addresses(first)),
         StepsOf(s, path)});
  }
  return sections;
}

}  // namespace

absl::Status AddTraceCommands(Switch& s, CommandTable& commands) {
  std::vector<Command> table;
  table.push_back(
      {.words = "trace add",
       .arguments = {{.name = "node", .help = "where to start, often vhost-input", .value = "node"},
                     {.name = "count", .kind = ArgumentKind::kCount, .help = "how many packets"}},
       .help = "Records the way of the next packets that reach a node",
       .shape = Shape::Text("that it waits for them"),
       .run = [&s](const Arguments& a) { return TraceAdd(s, a); }});
  table.push_back(
      {.words = "show trace",
       .help = "The recorded ways, node by node",
       .shape = Shape::OneOf(
           {{"with traces", Shape::Each({"what the packet is", Shape::Rows(StepColumns())})},
            {"without", Shape::Text("that there are none")}}),
       .run = [&s](const Arguments&) { return ShowTrace(s); }});
  table.push_back({.words = "trace clear",
                   .help = "Forgets all recorded ways",
                   .shape = Shape::Text("empty"),
                   .run = [&s](const Arguments&) -> absl::StatusOr<Reply> {
                     s.DrainTraces();
                     s.traces().Clear();
                     return Reply(std::string());
                   }});
  for (Command& command : table) {
    if (absl::Status status = commands.Add(std::move(command), "core"); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace weft
