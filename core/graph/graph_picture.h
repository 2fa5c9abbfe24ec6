// SPDX-License-Identifier: Apache-2.0
// The graph as a picture: text for a terminal, dot for Graphviz. Control thread.
#pragma once

#include <string>

#include "core/graph/arc_tables.h"
#include "core/graph/graph_plan.h"

namespace weft {

// A line for each node in the order they run, with where its packets can go:
//   vhost-input   -> mac-guard | l2-switch
// Arcs are shown as the chains that ports use now; features that no port uses are left out.
std::string GraphText(const GraphPlan& plan, const ArcTables& tables);
// The same for `dot -Tsvg`.
std::string GraphDot(const GraphPlan& plan, const ArcTables& tables);

}  // namespace weft
