// SPDX-License-Identifier: Apache-2.0
// show drops, with the last packets that were lost.
#include <algorithm>
#include <chrono>
#include <span>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/base/tsc.h"
#include "core/base/wall_time.h"
#include "core/commands.h"
#include "core/packet/frame_text.h"
#include "core/shell/command_table.h"
#include "core/switch.h"

namespace weft {
namespace {

constexpr uint64_t kMostLast = 10'000;

std::vector<Column> DropsColumns() {
  return {{"port", "whose packets: the sender's, or the receiver's where it could not take them"},
          {"node", "the node that dropped them"},
          {"reason", "why"},
          {"packets", "how many", CellKind::kCounter},
          {"help", "what the reason means"}};
}

std::vector<Column> LastColumns() {
  return {{"time", "when, in the time zone of weftd"},
          {"port", "on whose account"},
          {"node", "the node that dropped it"},
          {"reason", "why"},
          {"from", "the port that it came from"},
          {"to", "the port that it was to go to by then"},
          {"length", "of the frame, bytes; none if it never became a packet", CellKind::kCount},
          {"packets", "how many at once", CellKind::kCount},
          {"frame", "its first bytes, as far as they say something"}};
}

// When it was, so many ticks ago.
std::string TimeOf(uint64_t cycles) {
  const std::chrono::duration<double> ago(Seconds(Cycles() - cycles));
  return FormatTimeOfDay(std::chrono::system_clock::now() -
                         std::chrono::duration_cast<WallTime::duration>(ago));
}

Reply LastDrops(const Switch& s, std::span<const PortId> ports, uint64_t count) {
  std::vector<std::pair<PortId, DroppedPacket>> packets;
  for (const PortId port : ports) {
    for (const DroppedPacket& packet : s.stats().LastDrops(port, count))
      packets.emplace_back(port, packet);
  }
  std::stable_sort(packets.begin(), packets.end(),
                   [](const auto& a, const auto& b) { return a.second.cycles < b.second.cycles; });
  if (packets.size() > count)
    packets.erase(packets.begin(), packets.end() - static_cast<ptrdiff_t>(count));
  const auto name = [&s](PortId port) {
    return port.valid() ? Cell(s.ports().NameOf(port)) : Cell();
  };
  Table table{.columns = LastColumns(), .if_empty = "no drops"};
  for (const auto& [port, packet] : packets) {
    const DropCount what = s.stats().ReasonOf(packet);
    if (what.reason == nullptr) continue;
    const std::span header(packet.header.data(),
                           std::min<size_t>(packet.header.size(), packet.length));
    table.rows.push_back({TimeOf(packet.cycles), port.valid() ? s.ports().NameOf(port) : "none",
                          std::string(s.catalog().node(what.node).spec.name),
                          std::string(what.reason->name), name(packet.in_port),
                          name(packet.out_port),
                          packet.length == 0 ? Cell() : Cell(uint64_t{packet.length}),
                          uint64_t{packet.packets}, DescribeFrame(header)});
  }
  return table;
}

absl::StatusOr<Reply> ShowDrops(const Switch& s, const Arguments& arguments) {
  const std::string_view only = arguments.Text("port");
  std::vector<PortId> ports;
  for (const auto& port : s.ports().ports()) {
    if (only.empty() || port->name == only) ports.push_back(port->id);
  }
  if (!only.empty() && ports.empty()) return NoSuchPort(s, only);
  if (arguments.Has("last")) {
    const uint64_t count = arguments.Count("last");
    if (count == 0 || count > kMostLast)
      return absl::InvalidArgumentError(Cat("last must be 1 to ", kMostLast));
    if (only.empty()) ports.push_back(PortId());
    return LastDrops(s, ports, count);
  }
  Table table{.columns = DropsColumns(), .if_empty = "no drops"};
  for (const DropCount& drop : s.stats().Drops(ports)) {
    if (!only.empty() && !drop.port.valid()) continue;
    table.rows.push_back({drop.port.valid() ? s.ports().NameOf(drop.port) : "none",
                          std::string(s.catalog().node(drop.node).spec.name),
                          std::string(drop.reason->name), drop.packets,
                          std::string(drop.reason->help)});
  }
  return table;
}

}  // namespace

absl::Status AddDropCommands(Switch& s, CommandTable& commands) {
  return commands.Add({.words = "show drops",
                       .arguments = {{.name = "port",
                                      .help = "of this port alone",
                                      .optional = true,
                                      .keyword = true,
                                      .value = "port"},
                                     {.name = "last",
                                      .kind = ArgumentKind::kCount,
                                      .help = "so many of the last packets themselves",
                                      .optional = true,
                                      .keyword = true}},
                       .help = "Lost packets by port, node and reason, or the last of them",
                       .shape = Shape::OneOf({{"without last", Shape::Rows(DropsColumns())},
                                              {"with last", Shape::Rows(LastColumns())}}),
                       .run = [&s](const Arguments& arguments) { return ShowDrops(s, arguments); }},
                      "core");
}

}  // namespace weft
