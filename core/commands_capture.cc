// SPDX-License-Identifier: Apache-2.0
// capture start, capture stop, capture read, show captures.

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "core/base/text.h"
#include "core/base/tsc.h"
#include "core/commands.h"
#include "core/commands_names.h"
#include "core/shell/client_commands.h"
#include "core/shell/command_table.h"
#include "core/switch.h"

namespace weft {
namespace {

using Side = CaptureRule::Side;

struct Limit {
  std::string_view name;
  uint64_t least, most, otherwise;
};
constexpr Limit kCount{"count", 1, 1'000'000'000, 1'000};
constexpr Limit kBytes{"bytes", 1, uint64_t{1} << 40, uint64_t{64} << 20};
constexpr Limit kSeconds{"seconds", 1, 86'400, 60};
constexpr Limit kSnapLength{"snaplen", kMinFrame, kMaxSnapLength, kMaxSnapLength};

absl::StatusOr<uint64_t> Within(const Limit& limit, const Arguments& arguments) {
  const uint64_t value = arguments.Count(limit.name, limit.otherwise);
  if (value >= limit.least && value <= limit.most) return value;
  return absl::InvalidArgumentError(Cat(limit.name, " must be ", limit.least, " to ", limit.most));
}

// Whose drops its are: see Graph::DropPackets.
bool BlamesReceiver(const NodeClass& node) {
  return node.spec.arc == ArcName(Arc::kPortOutput) || node.spec.name == ArcName(Arc::kPortOutput);
}

void TakeDrops(const NodeClass& node, std::string_view reason, CaptureRule& rule) {
  CaptureRule::OfNode& of_node = rule.nodes[node.id.value()];
  of_node.side = BlamesReceiver(node) ? Side::kOut : Side::kIn;
  for (size_t i = 0; i < node.drops.size(); ++i) {
    if (reason == "any" || node.drops[i].name == reason) of_node.verdicts.set(kFirstDrop + i);
  }
}

// All that comes in from a port, and all that leaves by it.
void TakePorts(const NodeCatalog& catalog, CaptureRule& rule) {
  for (const NodeClass& node : catalog.nodes()) {
    CaptureRule::OfNode& of_node = rule.nodes[node.id.value()];
    if (node.kind == NodeKind::kInput) {
      of_node = {.verdicts = {}, .side = Side::kIn};
      of_node.verdicts.set();
    } else if (node.kind == NodeKind::kOutput) {
      of_node = {.verdicts = {}, .side = Side::kOut};
      of_node.verdicts.set(kConsumed);
    }
  }
}

absl::Status TakeReason(const Switch& s, std::string_view reason, CaptureRule& rule) {
  std::set<std::string_view> reasons;
  for (const NodeClass& node : s.catalog().nodes()) {
    TakeDrops(node, reason, rule);
    for (const LabelText& drop : node.drops) reasons.insert(drop.name);
  }
  if (reason == "any" || reasons.contains(reason)) return absl::OkStatus();
  return absl::NotFoundError(
      Cat("there is no drop reason \"", reason, "\" (there are: any, ", Join(reasons), ")"));
}

// "l2-switch", "l2-switch.flood", "l2-switch.hairpin": a node, or one of its nexts or drops.
absl::Status TakeNode(const Switch& s, std::string_view text, CaptureRule& rule) {
  const size_t dot = text.find('.');
  const auto found = NodeNamed(s, text.substr(0, dot));
  if (!found.ok()) return found.status();
  const NodeClass& node = **found;
  CaptureRule::OfNode& of_node = rule.nodes[node.id.value()];
  if (dot == std::string_view::npos) {
    of_node.verdicts.set();
    return absl::OkStatus();
  }
  const std::string_view exit = text.substr(dot + 1);
  std::vector<std::string_view> exits;
  for (size_t i = 0; i < node.nexts.size(); ++i) {
    exits.push_back(node.nexts[i].name);
    if (node.nexts[i].name == exit) of_node.verdicts.set(i);
  }
  for (size_t i = 0; i < node.drops.size(); ++i) {
    exits.push_back(node.drops[i].name);
    if (node.drops[i].name == exit) of_node.verdicts.set(kFirstDrop + i);
  }
  if (of_node.verdicts.any()) return absl::OkStatus();
  return absl::NotFoundError(Cat("node ", node.spec.name, " has no next and no drop \"", exit, "\"",
                                 exits.empty() ? "" : Cat(" (it has: ", Join(exits), ")")));
}

absl::StatusOr<CaptureRequest> RequestFrom(const Switch& s, const Arguments& arguments) {
  CaptureRequest request;
  request.tsc_hz = CyclesPerSecond();
  CaptureRule& rule = request.rule;
  std::vector<std::string> of;
  for (const std::string_view name : {"port", "node", "drop", "filter"}) {
    if (arguments.Has(name)) of.push_back(Cat(name, " ", arguments.Text(name)));
  }
  request.of = of.empty() ? "all ports" : Join(of, " ");
  if (arguments.Has("node") && arguments.Has("drop")) {
    return absl::InvalidArgumentError(
        "node and drop exclude each other; write node NODE.REASON for the drops of a node");
  }
  absl::Status status;
  if (arguments.Has("node")) {
    status = TakeNode(s, arguments.Text("node"), rule);
  } else if (arguments.Has("drop")) {
    status = TakeReason(s, arguments.Text("drop"), rule);
  } else {
    TakePorts(s.catalog(), rule);
  }
  if (!status.ok()) return status;
  if (arguments.Has("port")) {
    const auto port = PortNamed(s, arguments.Text("port"));
    if (!port.ok()) return port.status();
    rule.port = (*port)->id;
  }
  if (arguments.Has("filter")) {
    auto filter = PacketFilter::Compile(arguments.Text("filter"));
    if (!filter.ok()) return filter.status();
    rule.filter = *std::move(filter);
  }
  const auto count = Within(kCount, arguments);
  const auto bytes = Within(kBytes, arguments);
  const auto seconds = Within(kSeconds, arguments);
  const auto snap_length = Within(kSnapLength, arguments);
  for (const auto& limit : {count, bytes, seconds, snap_length}) {
    if (!limit.ok()) return limit.status();
  }
  rule.max_packets = *count;
  rule.max_bytes = *bytes;
  rule.snap_length = static_cast<uint32_t>(*snap_length);
  request.time = std::chrono::seconds(*seconds);
  return request;
}

Record RecordOf(const std::vector<Column>& columns, const std::vector<Cell>& values) {
  Record record;
  for (size_t i = 0; i < columns.size(); ++i) record.fields.push_back({columns[i], values[i]});
  return record;
}

std::vector<Column> StartColumns() {
  return {{"capture", "its number", CellKind::kCount}, {"of", "what it takes"}};
}

uint32_t NumberOf(const Arguments& arguments) {
  return static_cast<uint32_t>(std::min<uint64_t>(arguments.Count("number"), UINT32_MAX));
}

absl::StatusOr<Reply> Start(Switch& s, const Arguments& arguments) {
  absl::StatusOr<CaptureRequest> request = RequestFrom(s, arguments);
  if (!request.ok()) return request.status();
  const std::string of = request->of;
  const auto number = s.captures().Start(*std::move(request), s.loop().Now());
  if (!number.ok()) return number.status();
  return RecordOf(StartColumns(), {uint64_t{*number}, of});
}

absl::StatusOr<Reply> Stop(Switch& s, const Arguments& arguments) {
  const absl::Status status = s.captures().Stop(NumberOf(arguments));
  if (!status.ok()) return status;
  return Reply(std::string());
}

std::vector<Column> PieceColumns() {
  return {{"done", "it has ended, and this is the last of it", CellKind::kFlag},
          {"packets", "taken so far", CellKind::kCount},
          {"lost", "packets that found a worker's ring full", CellKind::kCount},
          {"pcapng", "the file's next bytes, as base64"}};
}

absl::StatusOr<Reply> Read(Switch& s, const Arguments& arguments) {
  const auto piece = s.captures().Read(NumberOf(arguments), s.loop().Now());
  if (!piece.ok()) return piece.status();
  return RecordOf(PieceColumns(),
                  {piece->done, piece->packets, piece->lost, absl::Base64Escape(piece->pcapng)});
}

std::vector<Column> ListColumns() {
  return {{"capture", "its number", CellKind::kCount},
          {"of", "what it takes"},
          {"state", "running, or why it has ended"},
          {"packets", "taken so far", CellKind::kCount},
          {"bytes", "kept of them", CellKind::kCount},
          {"lost", "packets that found a worker's ring full", CellKind::kCount}};
}

Reply List(Switch& s) {
  Table table{.columns = ListColumns(), .if_empty = "no captures"};
  for (const CaptureBook::Info& info : s.captures().List()) {
    table.rows.push_back(
        {uint64_t{info.number}, info.of, info.state, info.packets, info.bytes, info.lost});
  }
  return table;
}

Command StartCommand(Switch& s) {
  return {.words = "capture start",
          .arguments = CaptureArguments(),
          .help = "Keeps copies of packets for `capture read`; `weftctl capture -w FILE` does both",
          .shape = Shape::Record(StartColumns()),
          .run = [&s](const Arguments& a) { return Start(s, a); }};
}

}  // namespace

absl::Status AddCaptureCommands(Switch& s, CommandTable& commands) {
  const Argument number{
      .name = "number", .kind = ArgumentKind::kCount, .help = "of the capture, see show captures"};
  std::vector<Command> table;
  table.push_back(StartCommand(s));
  table.push_back({.words = "capture stop",
                   .arguments = {number},
                   .help = "Ends a capture; what it has taken can be read for a minute",
                   .shape = Shape::Text("empty"),
                   .run = [&s](const Arguments& a) { return Stop(s, a); }});
  table.push_back(
      {.words = "capture read",
       .arguments = {number},
       .help = "What a capture has taken since it was last read, as pcapng; for programs",
       .shape = Shape::Record(PieceColumns()),
       .run = [&s](const Arguments& a) { return Read(s, a); }});
  table.push_back({.words = "show captures",
                   .help = "The captures, what they have taken and what they lost",
                   .shape = Shape::Rows(ListColumns()),
                   .run = [&s](const Arguments&) -> absl::StatusOr<Reply> { return List(s); }});
  for (Command& command : table) {
    if (absl::Status status = commands.Add(std::move(command), "core"); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace weft
