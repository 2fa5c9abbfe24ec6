// SPDX-License-Identifier: Apache-2.0
// What would become of a frame: the graph once more, with nodes of its own that read the tables of
// the workers' and change none of them. Inputs and outputs are replaced, so nothing comes in but
// that frame, and nothing leaves; what is counted is counted on the side. Control thread, which
// reads what it publishes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/base/ids.h"
#include "core/base/rcu.h"
#include "core/graph/arc_tables.h"
#include "core/graph/graph_plan.h"
#include "core/graph/trace_ring.h"

namespace weft {

// The steps of `frame`, of kMinFrame to kMaxFrame bytes, as if it had just come in from `port`:
// what each node decides about it and about its copies. An output's verdict is kConsumed: it was
// handed the frame. `worker` is one that there is not, for nodes that keep something for each.
std::vector<TraceStep> DryRun(const GraphPlan& plan, const Published<ArcTables>& tables,
                              WorkerId worker, PortId port, std::span<const uint8_t> frame);

}  // namespace weft
