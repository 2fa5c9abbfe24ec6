// SPDX-License-Identifier: Apache-2.0
// trace add, trace inject, show trace, show trace paths, trace clear.

#include <algorithm>
#include <optional>
#include <utility>

#include "core/base/text.h"
#include "core/base/tsc.h"
#include "core/commands.h"
#include "core/commands_names.h"
#include "core/packet/frame_text.h"
#include "core/shell/client_commands.h"
#include "core/shell/command_table.h"
#include "core/switch.h"

namespace weft {
namespace {

absl::StatusOr<Reply> TraceAdd(Switch& s, const Arguments& arguments) {
  const std::string_view name = arguments.Text("node");
  const absl::StatusOr<const NodeClass*> node = NodeNamed(s, name);
  if (!node.ok()) return node.status();
  const uint64_t count = arguments.Count("count");
  if (count == 0 || count > TraceBook::kMaxPaths) {
    return absl::InvalidArgumentError(Cat("count must be 1 to ", TraceBook::kMaxPaths));
  }
  TraceRequest request{.node = (*node)->id, .count = static_cast<uint32_t>(count)};
  std::string which;
  if (arguments.Has("port")) {
    const absl::StatusOr<const Port*> port = PortNamed(s, arguments.Text("port"));
    if (!port.ok()) return port.status();
    request.port = (*port)->id;
    Append(which, " from or to ", (*port)->name);
  }
  if (arguments.Has("filter")) {
    auto filter = PacketFilter::Compile(arguments.Text("filter"));
    if (!filter.ok()) return filter.status();
    request.filter = *std::move(filter);
    Append(which, " that pass '", request.filter->text(), "'");
  }
  s.watcher().Trace(std::move(request));
  return Reply(Cat("tracing the next ", count, " packets", which, " that reach ", name,
                   "; see: show trace\n"));
}

// As of the packets that were lost.
std::string Described(const TraceStep& step) {
  return DescribeFrame({step.header.data(), std::min<size_t>(step.header.size(), step.length)});
}

std::string DetailsOf(const Switch& s, const NodeClass& node, const TraceStep& step) {
  const auto name = [&s](TraceNumberOf what, uint16_t number) {
    if (what == TraceNumberOf::kBridge) return s.BridgeName(BridgeId(number));
    const Port* const port = FindPort(s, PortId(number));
    return port == nullptr ? std::string() : port->name;
  };
  std::vector<std::string> details;
  for (const auto& [field, value] : RecordFields(node, step, name))
    details.push_back(Cat(field, " ", value));
  return Join(details, ", ");
}

std::vector<Column> StepColumns() {
  return {{"node", "where it was"},
          {"verdict", "what the node decided"},
          {"out-port", "where it was to go by then"},
          {"cycles", "TSC ticks since the first step", CellKind::kCount},
          {"ns", "the same as time", CellKind::kCount},
          {"details", "what the node looked at"}};
}

Table StepsOf(const Switch& s, const TracedPath& path) {
  Table table{.columns = StepColumns()};
  for (const TraceStep& step : path.steps) {
    const NodeClass& node = s.catalog().node(step.node);
    const uint64_t cycles = step.cycles - path.steps.front().cycles;
    table.rows.push_back({std::string(node.spec.name), VerdictText(node, step.verdict),
                          PortName(s, step.out_port), cycles,
                          static_cast<uint64_t>(1e9 * Seconds(cycles)), DetailsOf(s, node, step)});
  }
  return table;
}

absl::StatusOr<Reply> ShowTrace(Switch& s) {
  s.DrainTraces();
  Sections sections;
  for (const TracedPath& path : s.traces().paths()) {
    const TraceStep& first = path.steps.front();
    sections.list.push_back(
        {Cat("Packet ", path.number, " of worker ", path.worker.value(), " from ",
             PortName(s, first.in_port), ", ", first.length, " bytes, ", Described(first)),
         StepsOf(s, path)});
  }
  // What was lost leaves holes in the ways, so whoever reads them has to know.
  if (const uint64_t lost = s.LostTraceSteps(); lost != 0) {
    Table table{.columns = StepColumns()};
    table.rows.push_back({std::string("-"), std::string("lost"), std::string("-"), Cell(), Cell(),
                          Cat(lost, " steps found a worker's ring full since weftd started")});
    sections.list.push_back({"Lost", std::move(table)});
  }
  if (sections.list.empty())
    return Reply(std::string("no traces; start with: trace add NODE COUNT\n"));
  return sections;
}

std::vector<Column> PathColumns() {
  return {{"packets", "recorded ones that went so", CellKind::kCount},
          {"path", "the nodes, each with what it decided"}};
}

std::vector<Column> LostColumns() {
  return {{"steps", "that found a worker's ring full since weftd started", CellKind::kCount}};
}

absl::StatusOr<Reply> ShowPaths(Switch& s) {
  s.DrainTraces();
  Table table{.columns = PathColumns(), .if_empty = "no traces; start with: trace add NODE COUNT"};
  for (const WayCount& way : s.traces().Ways()) {
    std::vector<std::string> steps;
    for (const auto& [id, verdict] : way.way) {
      const NodeClass& node = s.catalog().node(id);
      steps.push_back(Cat(node.spec.name, " ", VerdictText(node, verdict)));
    }
    table.rows.push_back({way.packets, Join(steps, ", ")});
  }
  Record lost;
  lost.fields.push_back({LostColumns()[0], s.LostTraceSteps()});
  Sections sections;
  sections.list.push_back({"Paths", std::move(table)});
  sections.list.push_back({"Lost", std::move(lost)});
  return sections;
}

// What an output would do with a frame for this port, as far as control knows.
std::string AtTheOutput(const Switch& s, const TraceStep& step, std::span<const uint8_t> frame) {
  const Port* const port = FindPort(s, step.out_port);
  if (port == nullptr) return "would drop: the port is gone";
  const PortStatus status = port->backend->Status();
  if (status.state != PortState::kUp) {
    return Cat("would drop: the port is ", kPortStates.name(status.state),
               status.reason.empty() ? "" : ", ", status.reason);
  }
  if (ExceedsMtu(frame.data(), step.length, port->mtu)) return "would drop: too-long";
  return "would send";
}

std::vector<Column> InjectColumns() {
  return {{"node", "where it would be"},
          {"verdict", "what the node decides; an output: what it would do"},
          {"out-port", "where it would go by then"},
          {"details", "what the node looks at"}};
}

absl::StatusOr<Reply> Inject(const Switch& s, const Arguments& arguments) {
  const absl::StatusOr<const Port*> port = PortNamed(s, arguments.Text("port"));
  if (!port.ok()) return port.status();
  std::optional<std::vector<uint8_t>> frame = FromHex(arguments.Text("frame"));
  if (!frame) {
    return absl::InvalidArgumentError(
        "a frame is hexadecimal digits, two a byte; `weftctl trace inject` in a shell also takes a "
        "capture file");
  }
  const uint64_t typed = frame->size();
  const uint64_t length = std::max(typed, arguments.Count("length"));
  if (typed < kMinFrame || length > kMaxFrame) {
    return absl::InvalidArgumentError(Cat("a frame has ", kMinFrame, " to ", kMaxFrame,
                                          " bytes, from its destination address on; this one has ",
                                          typed < kMinFrame ? typed : length,
                                          ", and only what is "
                                          "behind its type may be left to `length`"));
  }
  frame->resize(length);
  Table table{.columns = InjectColumns()};
  for (const TraceStep& step : s.DryRunFrom((*port)->id, *frame)) {
    const NodeClass& node = s.catalog().node(step.node);
    const bool output = node.kind == NodeKind::kOutput && step.verdict == kConsumed;
    table.rows.push_back({std::string(node.spec.name),
                          output ? AtTheOutput(s, step, *frame) : VerdictText(node, step.verdict),
                          PortName(s, step.out_port), DetailsOf(s, node, step)});
  }
  return table;
}

Command AddCommand(Switch& s) {
  return {
      .words = "trace add",
      .arguments = {{.name = "node", .help = "where to start, often vhost-input", .value = "node"},
                    {.name = "count", .kind = ArgumentKind::kCount, .help = "how many packets"},
                    {.name = "port",
                     .help = "only what comes from this port, or is to go there by then",
                     .optional = true,
                     .keyword = true,
                     .value = "port"},
                    {.name = "filter",
                     .help = "only what passes this filter of libpcap's language; it sees the "
                             "first 256 bytes",
                     .optional = true,
                     .keyword = true}},
      .help = "Records the way of the next packets that reach a node",
      .shape = Shape::Text("that it waits for them"),
      .run = [&s](const Arguments& a) { return TraceAdd(s, a); }};
}

Command InjectCommand(Switch& s) {
  return {.words = "trace inject",
          .arguments = InjectArguments(),
          .help = "The way that a frame would go now; nothing is delivered, learned or counted",
          .shape = Shape::OneOf(
              {{"a frame", Shape::Rows(InjectColumns())},
               {"a file", Shape::Each({"what the packet is", Shape::Rows(InjectColumns())})}}),
          .run = [&s](const Arguments& a) { return Inject(s, a); }};
}

}  // namespace

absl::Status AddTraceCommands(Switch& s, CommandTable& commands) {
  std::vector<Command> table;
  table.push_back(AddCommand(s));
  table.push_back(InjectCommand(s));
  table.push_back(
      {.words = "show trace",
       .help = "The recorded ways, node by node",
       .shape = Shape::OneOf(
           {{"with traces", Shape::Each({"what the packet is", Shape::Rows(StepColumns())})},
            {"without", Shape::Text("that there are none")}}),
       .run = [&s](const Arguments&) { return ShowTrace(s); }});
  table.push_back({.words = "show trace paths",
                   .help = "The different ways that were recorded, and how many packets went each",
                   .shape = Shape::Sections({{"Paths", Shape::Rows(PathColumns())},
                                             {"Lost", Shape::Record(LostColumns())}}),
                   .run = [&s](const Arguments&) { return ShowPaths(s); }});
  table.push_back({.words = "trace clear",
                   .help = "Forgets all recorded ways, and records no more",
                   .shape = Shape::Text("empty"),
                   .run = [&s](const Arguments&) -> absl::StatusOr<Reply> {
                     s.watcher().StopTraces();
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
