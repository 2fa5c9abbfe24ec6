// SPDX-License-Identifier: Apache-2.0
#include "core/graph/graph_picture.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/text.h"

namespace weft {
namespace {

class Picture {
 public:
  Picture(const GraphPlan& plan, const ArcTables& tables) : plan_(plan), tables_(tables) {
    for (size_t i = 0; i < plan.nodes().size(); ++i) {
      const NodeKind kind = plan.nodes()[i].node_class.kind;
      if (kind == NodeKind::kInput) Visit(NodeIndex(static_cast<uint16_t>(i)));
    }
  }

  GraphWays TakeWays() { return std::move(ways_); }

 private:
  void Visit(NodeIndex node) {
    if (ways_.contains(node)) return;
    std::set<NodeIndex>& ways = ways_[node];
    const PlanNode& planned = plan_.nodes()[node.value()];
    for (size_t i = 0; i < planned.nexts.size(); ++i) {
      const PlanTarget& target = planned.nexts[i];
      if (!target.is_arc) {
        ways.insert(target.node);
        continue;
      }
      const ArcTables::OneArc& arc = tables_.arc(target.arc);
      ways.insert(arc.trivial ? arc.direct : target.node);
    }
    for (const Arc arc : {Arc::kPortInput, Arc::kPortOutput}) AddArcWays(node, arc, ways);
    for (const NodeIndex next : ways) Visit(next);
  }

  void AddArcWays(NodeIndex node, Arc arc, std::set<NodeIndex>& ways) const {
    const ArcTables::OneArc& table = tables_.arc(arc);
    if (node == plan_.arc(arc).entry) {
      for (const NodeIndex first : table.first) ways.insert(first);
    }
    if (plan_.nodes()[node.value()].node_class.kind != NodeKind::kFeature) return;
    for (const NodeIndex next : table.following[node.value()]) {
      if (next.valid()) ways.insert(next);
    }
  }

  const GraphPlan& plan_;
  const ArcTables& tables_;
  GraphWays ways_;
};

constexpr size_t kTextWidth = 80;  // of a terminal

// As it is inside quotes in dot.
std::string DotText(std::string_view text) {
  std::string quoted;
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted;
}

}  // namespace

GraphWays ReachableWays(const GraphPlan& plan, const ArcTables& tables) {
  return Picture(plan, tables).TakeWays();
}

// What does not fit goes on below the first target.
std::string GraphText(const GraphPlan& plan, const ArcTables& tables, const ArcLabel& label) {
  const GraphWays reachable = ReachableWays(plan, tables);
  const auto name = [&](NodeIndex node) { return plan.nodes()[node.value()].node_class.spec.name; };
  size_t width = 0;
  for (const auto& [node, ways] : reachable) width = std::max(width, name(node).size());
  std::string text;
  for (const auto& [node, ways] : reachable) {
    std::vector<std::string> targets;
    for (const NodeIndex to : ways) {
      const std::string beside = label(node, to);
      targets.push_back(Cat(name(to), beside.empty() ? "" : " ", beside));
    }
    std::string line(name(node));
    for (size_t i = 0; i < targets.size(); ++i) {
      const size_t more = i + 1 < targets.size() ? 2 : 0;  // " |"
      if (i == 0) {
        line += Cat(std::string(width - line.size(), ' '), " -> ");
      } else if (line.size() + 1 + targets[i].size() + more > kTextWidth) {
        text += line + "\n";
        line.assign(width + 4, ' ');
      } else {
        line += ' ';
      }
      line += Cat(targets[i], more != 0 ? " |" : "");
    }
    text += line + "\n";
  }
  return text;
}

std::string GraphDot(const GraphPlan& plan, const ArcTables& tables, const ArcLabel& label) {
  std::string text = "digraph weft {\n  rankdir=LR;\n  node [shape=box, fontname=\"monospace\"];\n";
  for (const auto& [node, ways] : ReachableWays(plan, tables)) {
    const NodeClass& node_class = plan.nodes()[node.value()].node_class;
    const bool edge = node_class.kind == NodeKind::kInput || node_class.kind == NodeKind::kOutput;
    text += Cat("  \"", node_class.spec.name, "\" [tooltip=\"", DotText(node_class.spec.help), "\"",
                edge ? ", style=rounded" : "", "];\n");
    for (const NodeIndex to : ways) {
      const std::string beside = label(node, to);
      text += Cat("  \"", node_class.spec.name, "\" -> \"",
                  plan.nodes()[to.value()].node_class.spec.name, "\"",
                  beside.empty() ? "" : Cat(" [label=\"", DotText(beside), "\"]"), ";\n");
    }
  }
  return text + "}\n";
}

}  // namespace weft
