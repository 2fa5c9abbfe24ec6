// SPDX-License-Identifier: Apache-2.0
// show ports, show port, why, show runtime, show counters, show version.
#include <rte_version.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/commands.h"
#include "core/diagnosis.h"
#include "core/shell/command_table.h"
#include "core/switch.h"
#include "core/version.h"

namespace weft {
namespace {

std::string NodeName(const Switch& s, NodeId node) {
  return std::string(s.catalog().node(node).spec.name);
}

// None of nothing.
Cell Ratio(uint64_t a, uint64_t b, double times = 1) {
  return b == 0 ? Cell() : Cell(times * static_cast<double>(a) / static_cast<double>(b));
}

std::vector<Column> Joined(std::vector<Column> columns, const std::vector<Column>& more) {
  columns.insert(columns.end(), more.begin(), more.end());
  return columns;
}

// What all ports and one port say alike.
std::vector<Column> IdentityColumns() {
  return {{"name", "the port's name"},
          {"kind", "vhost, dpdk, or one that a plugin brings"},
          {"bridge", "the bridge that it is in"},
          {"state", "up, down or error", CellKind::kState}};
}
std::vector<Column> TrafficColumns() {
  return {{"rx-packets", "packets from the port into the switch", CellKind::kCounter},
          {"rx-bytes", "bytes of those frames", CellKind::kCounter},
          {"tx-packets", "packets from the switch into the port", CellKind::kCounter},
          {"tx-bytes", "bytes of those frames", CellKind::kCounter},
          {"drops", "packets lost on the way in from it or out to it; see show drops",
           CellKind::kCounter}};
}

std::vector<Column> PortsColumns() {
  return Joined(Joined(IdentityColumns(), TrafficColumns()), {{"reason", "why it is not up"}});
}

Reply ShowPorts(const Switch& s) {
  Table table{.columns = PortsColumns(), .if_empty = "no ports"};
  for (const auto& port : s.ports().ports()) {
    const PortTotals totals = s.stats().Port(port->id);
    const PortStatus status = port->backend->Status();
    table.rows.push_back({port->name, port->kind, port->bridge,
                          std::string(kPortStates.name(status.state)), totals.rx_packets,
                          totals.rx_bytes, totals.tx_packets, totals.tx_bytes, totals.drops,
                          status.reason});
  }
  return table;
}

// What kinds declare, each name once; a port has those of its own kind.
std::vector<Column> OfKinds(const Switch& s, std::vector<Column> PortKind::*columns) {
  std::vector<Column> all;
  for (const PortKind& kind : s.kinds()) {
    for (Column column : kind.*columns) {
      const bool known = std::any_of(
          all.begin(), all.end(), [&](const Column& other) { return other.name == column.name; });
      column.optional = true;
      if (!known) all.push_back(std::move(column));
    }
  }
  return all;
}

// The fact as a field, as its kind has declared it if it has.
RecordField FieldOf(const Switch& s, const Port& port, std::vector<Column> PortKind::*columns,
                    PortFact fact) {
  RecordField field{.column = {.name = std::move(fact.name)}, .value = {}};
  for (const PortKind& kind : s.kinds()) {
    if (kind.name != port.kind) continue;
    for (const Column& column : kind.*columns) {
      if (column.name == field.column.name) field.column = column;
    }
  }
  std::visit([&](auto& value) { field.value = std::move(value); }, fact.value);
  return field;
}

std::vector<Column> PortColumns(const Switch& s) {
  const std::vector<Column> setup =
      Joined(IdentityColumns(),
             {{.name = "reason", .help = "why it is not up", .optional = true},
              {"mtu", "the longest frame, without its Ethernet header", CellKind::kCount},
              {"workers", "who polls it"},
              {"features", "the features that its packets go through"}});
  return Joined(Joined(Joined(setup, OfKinds(s, &PortKind::facts)), TrafficColumns()),
                {{"rx-rate", "packets a second from it, over the last one", CellKind::kRate},
                 {"tx-rate", "packets a second to it", CellKind::kRate},
                 {"drop-rate", "packets a second that are lost", CellKind::kRate},
                 {"rx-cycles/packet", "TSC ticks to take a packet from it", CellKind::kDecimal},
                 {"tx-cycles/packet", "TSC ticks to deliver one to it", CellKind::kDecimal}});
}

absl::StatusOr<Reply> ShowPort(const Switch& s, std::string_view name) {
  for (const auto& port : s.ports().ports()) {
    if (port->name != name) continue;
    const PortTotals totals = s.stats().Port(port->id);
    const PortStatus status = port->backend->Status();
    Record record;
    const auto add = [&](std::string field, Cell value, CellKind kind = CellKind::kText) {
      record.fields.push_back({{.name = std::move(field), .kind = kind}, std::move(value)});
    };
    add("name", port->name);
    add("kind", port->kind);
    add("bridge", port->bridge);
    add("state", std::string(kPortStates.name(status.state)), CellKind::kState);
    if (!status.reason.empty()) add("reason", status.reason);
    add("mtu", uint64_t{port->mtu}, CellKind::kCount);
    add("workers", WorkersOf(*port));
    std::vector<std::string> features;
    for (const PortWiring::FeatureUse& use : port->wiring.features) features.push_back(use.node);
    add("features", features.empty() ? "none" : Join(features, ", "));
    for (PortFact& fact : port->backend->Facts())
      record.fields.push_back(FieldOf(s, *port, &PortKind::facts, std::move(fact)));
    add("rx-packets", totals.rx_packets, CellKind::kCounter);
    add("rx-bytes", totals.rx_bytes, CellKind::kCounter);
    add("tx-packets", totals.tx_packets, CellKind::kCounter);
    add("tx-bytes", totals.tx_bytes, CellKind::kCounter);
    add("drops", totals.drops, CellKind::kCounter);
    const PortRates rates = s.stats().Rates(port->id);
    add("rx-rate", rates.rx_packets, CellKind::kRate);
    add("tx-rate", rates.tx_packets, CellKind::kRate);
    add("drop-rate", rates.drops, CellKind::kRate);
    add("rx-cycles/packet", Ratio(totals.rx_cycles, totals.rx_packets), CellKind::kDecimal);
    add("tx-cycles/packet", Ratio(totals.tx_cycles, totals.tx_packets), CellKind::kDecimal);
    return record;
  }
  return NoSuchPort(s, name);
}

absl::StatusOr<Reply> ShowAttachment(const Switch& s, std::string_view name) {
  for (const auto& port : s.ports().ports()) {
    if (port->name != name) continue;
    Record record;
    for (PortFact& fact : port->backend->Attachment())
      record.fields.push_back(FieldOf(s, *port, &PortKind::attachment, std::move(fact)));
    if (record.fields.empty())
      return absl::InvalidArgumentError(
          Cat("nothing attaches to port \"", name, "\": its interface is there already"));
    return record;
  }
  return NoSuchPort(s, name);
}

std::vector<Column> WhyColumns() {
  return {{"finding", "what keeps the port from working well, the likeliest first"},
          {"advice", "what to do about it"}};
}

absl::StatusOr<Reply> Why(const Switch& s, std::string_view name) {
  for (const auto& port : s.ports().ports()) {
    if (port->name != name) continue;
    Table table{.columns = WhyColumns()};
    for (Finding& finding : Diagnose(s, *port)) {
      table.rows.push_back({std::move(finding.says), std::move(finding.advice)});
    }
    return table;
  }
  return NoSuchPort(s, name);
}

std::vector<Column> RuntimeColumns() {
  return {{"worker", "its number", CellKind::kCount},
          {"node", "the node's name"},
          {"calls", "frames that it handled", CellKind::kCounter},
          {"packets", "packets in them", CellKind::kCounter},
          {"packets/call", "size of an average frame", CellKind::kDecimal},
          {"cycles/packet", "TSC ticks that it spent on a packet", CellKind::kDecimal},
          {"busy", "its share of the worker's busy time", CellKind::kPercent}};
}

Reply ShowRuntime(const Switch& s) {
  Table table{.columns = RuntimeColumns(), .if_empty = "no packet has come in yet"};
  for (const NodeTotals& node : s.stats().Nodes()) {
    const uint64_t busy = s.stats().Worker(node.worker).busy_cycles;
    table.rows.push_back({uint64_t{node.worker.value()}, NodeName(s, node.node), node.calls,
                          node.packets, Ratio(node.packets, node.calls),
                          Ratio(node.cycles, node.packets), Ratio(node.cycles, busy, 100)});
  }
  return table;
}

std::vector<Column> CounterColumns() {
  return {{"node", "the node that counts"},
          {"counter", "what it counts"},
          {"count", "how often", CellKind::kCounter},
          {"help", "what that means"}};
}

Reply ShowCounters(const Switch& s) {
  Table table{.columns = CounterColumns(), .if_empty = "no node counts anything"};
  for (const EventCount& event : s.stats().Events()) {
    table.rows.push_back({NodeName(s, event.node), std::string(event.counter->name), event.count,
                          std::string(event.counter->help)});
  }
  return table;
}

std::vector<Column> VersionColumns() {
  return {{"weft", "of this weftd"},
          {"dpdk", "of the DPDK that it runs with"},
          {"compiler", "that built it"}};
}

Reply ShowVersion() {
  const std::vector<Column> columns = VersionColumns();
  return Record{{{columns[0], std::string(kVersion)},
                 {columns[1], std::string(rte_version())},
                 {columns[2], std::string(__VERSION__)}}};
}

}  // namespace

absl::Status AddShowCommands(Switch& s, CommandTable& commands) {
  std::vector<Command> table;
  table.push_back(
      {.words = "show ports",
       .help = "All ports: state, packets and bytes each way, drops",
       .shape = Shape::Rows(PortsColumns()),
       .run = [&s](const Arguments&) -> absl::StatusOr<Reply> { return ShowPorts(s); }});
  table.push_back({.words = "show port",
                   .arguments = {{.name = "name", .help = "the port", .value = "port"},
                                 {.name = "attach",
                                  .kind = ArgumentKind::kFlag,
                                  .help = "the mounts and arguments for whoever is to be there",
                                  .optional = true,
                                  .keyword = true}},
                   .help = "One port in full, or how to get to it",
                   .shape = Shape::OneOf(
                       {{"without attach",
                         Shape::Record(PortColumns(s),
                                       "the device's own counters, as device-NAME, and what a "
                                       "kind tells that was loaded later")},
                        {"with attach", Shape::Record(OfKinds(s, &PortKind::attachment),
                                                      "what a kind tells that was loaded later")}}),
                   .run = [&s](const Arguments& a) {
                     return a.Has("attach") ? ShowAttachment(s, a.Text("name"))
                                            : ShowPort(s, a.Text("name"));
                   }});
  table.push_back({.words = "why",
                   .arguments = {{.name = "port", .help = "the port", .value = "port"}},
                   .help = "Why a port is down, or loses packets, or is slow",
                   .shape = Shape::Rows(WhyColumns()),
                   .run = [&s](const Arguments& a) { return Why(s, a.Text("port")); }});
  table.push_back(
      {.words = "show runtime",
       .help = "What each node costs: calls, packets, cycles",
       .shape = Shape::Rows(RuntimeColumns()),
       .run = [&s](const Arguments&) -> absl::StatusOr<Reply> { return ShowRuntime(s); }});
  table.push_back(
      {.words = "show counters",
       .help = "What nodes count beside drops",
       .shape = Shape::Rows(CounterColumns()),
       .run = [&s](const Arguments&) -> absl::StatusOr<Reply> { return ShowCounters(s); }});
  table.push_back({.words = "show version",
                   .help = "Versions of weft and of what it is built with",
                   .shape = Shape::Record(VersionColumns()),
                   .run = [](const Arguments&) -> absl::StatusOr<Reply> { return ShowVersion(); }});
  for (Command& command : table) {
    if (absl::Status status = commands.Add(std::move(command), "core"); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace weft
