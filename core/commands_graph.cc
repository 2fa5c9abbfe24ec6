// SPDX-License-Identifier: Apache-2.0
// show graph, show graph dot, show graph svg.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/commands.h"
#include "core/graph/graph_picture.h"
#include "core/shell/command_table.h"
#include "core/switch.h"

namespace weft {
namespace {

// "38.1M/s"; nothing for an arc without a packet, or when there is no rate yet.
ArcLabel RatesOf(const Switch& s) {
  return [&s](NodeIndex from, NodeIndex to) {
    const auto id = [&s](NodeIndex node) { return s.plan().nodes()[node.value()].node_class.id; };
    const std::optional<double> rate = s.stats().ArcRate(id(from), id(to));
    return rate && *rate > 0 ? Cat(RateText(*rate), "/s") : std::string();
  };
}

}  // namespace

absl::Status AddGraphCommands(Switch& s, CommandTable& commands) {
  std::vector<Command> table;
  table.push_back({.words = "show graph",
                   .help = "The nodes and where packets can go from each, with packets a second "
                           "over about the last one",
                   .shape = Shape::Text("a picture of it"),
                   .run = [&s](const Arguments&) -> absl::StatusOr<Reply> {
                     return GraphText(s.plan(), s.arc_tables(), RatesOf(s));
                   }});
  table.push_back({.words = "show graph dot",
                   .help = "The same for Graphviz: show graph dot | dot -Tsvg",
                   .shape = Shape::Text("Graphviz"),
                   .run = [&s](const Arguments&) -> absl::StatusOr<Reply> {
                     return GraphDot(s.plan(), s.arc_tables(), RatesOf(s));
                   }});
  table.push_back({.words = "show graph svg",
                   .help = "The same as a drawing for a browser: show graph svg > graph.svg",
                   .shape = Shape::Text("SVG"),
                   .run = [&s](const Arguments&) -> absl::StatusOr<Reply> {
                     return GraphSvg(s.plan(), s.arc_tables(), RatesOf(s));
                   }});
  for (Command& command : table) {
    if (absl::Status status = commands.Add(std::move(command), "core"); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace weft
