// SPDX-License-Identifier: Apache-2.0
// The graph as a picture: text for a terminal, dot for Graphviz, SVG for a browser. Arcs are shown
// as the chains that ports use now; features that no port uses are left out. Control thread.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "core/graph/arc_tables.h"
#include "core/graph/graph_plan.h"

namespace weft {

// Nodes that packets can reach, in the order they run, each with where packets can go from it.
using GraphWays = std::map<NodeIndex, std::set<NodeIndex>>;
GraphWays ReachableWays(const GraphPlan& plan, const ArcTables& tables);

// What is written beside the way from one node to another, such as a rate; may be empty.
using ArcLabel = std::function<std::string(NodeIndex from, NodeIndex to)>;

// A line for each node in the order they run:
//   vhost-input   -> mac-guard 38.1M | l2-switch
std::string GraphText(const GraphPlan& plan, const ArcTables& tables, const ArcLabel& label);
// The same for `dot -Tsvg`.
std::string GraphDot(const GraphPlan& plan, const ArcTables& tables, const ArcLabel& label);
// The same as a drawing, from left to right.
std::string GraphSvg(const GraphPlan& plan, const ArcTables& tables, const ArcLabel& label);

}  // namespace weft
