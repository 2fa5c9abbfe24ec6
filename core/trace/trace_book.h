// SPDX-License-Identifier: Apache-2.0
// The recorded ways of traced packets, put together from the steps that workers leave in their
// rings. Control thread.
#pragma once

#include <cstdint>
#include <functional>
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
// The name of what a field's number counts; empty if there is none.
using TraceNames = std::function<std::string(TraceNumberOf what, uint16_t number)>;
// The node's own record: {"source", "02:00:00:00:00:01"}, {"source-port", "2 (web-1)"}, ...;
// without `names` the numbers alone.
std::vector<std::pair<std::string, std::string>> RecordFields(const NodeClass& node,
                                                              const TraceStep& step,
                                                              const TraceNames& names = nullptr);

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
