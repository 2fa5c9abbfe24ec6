// SPDX-License-Identifier: Apache-2.0
// The recorded ways of traced packets, put together from the steps that workers leave in their
// rings. Control thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/graph/node_class.h"
#include "core/graph/trace_ring.h"

namespace weft {

// One packet's way through the graph, in the order it went.
struct TracedPath {
  WorkerId worker;
  uint16_t number = 0;  // of the worker
  std::vector<TraceStep> steps;
};

// "drop: spoofed", "-> flood", "sent", "continue": what the node decided.
std::string VerdictText(const NodeClass& node, VerdictCode verdict);
// The node's own record: {"source", "02:00:00:00:00:01"}, ...
std::vector<std::pair<std::string, std::string>> RecordFields(const NodeClass& node,
                                                              const TraceStep& step);

// A way that packets took, and how many of the recorded ones did.
struct WayCount {
  std::vector<std::pair<NodeId, VerdictCode>> way;
  uint64_t packets = 0;
};

class TraceBook {
 public:
  static constexpr size_t kMaxPaths = 256;  // older ones are forgotten

  // Takes what a worker has recorded since last time.
  void Drain(WorkerId worker, TraceRing& ring);
  // Oldest first.
  const std::vector<TracedPath>& paths() const { return paths_; }
  // The different ways among them, the most frequent first.
  std::vector<WayCount> Ways() const;
  void Clear() { paths_.clear(); }
  // Only what went through that node.
  void Forget(NodeId node);

 private:
  std::vector<TracedPath> paths_;
};

}  // namespace weft
