// SPDX-License-Identifier: Apache-2.0
// What control has asked the workers to watch: one request for traces, and the taps of captures. It
// makes a Watch for each worker of that, and none while nothing is wanted. Control thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/base/rcu.h"
#include "core/graph/graph.h"
#include "core/graph/watch.h"

namespace weft {

class Watcher {
 public:
  // `rcu` outlives the watcher.
  explicit Watcher(Rcu& rcu) : rcu_(rcu) {}

  // A worker's graph, before the worker runs; it outlives its part in here.
  void AddGraph(Graph& graph) { graphs_.push_back(&graph); }
  // The workers are about to go.
  void RemoveGraphs() { graphs_.clear(); }
  size_t graphs() const { return graphs_.size(); }

  // From now on these packets are traced, and no longer those of an earlier request. Each worker
  // takes the whole count, so that wherever the traffic is there is a trace.
  void Trace(TraceRequest request);
  void StopTraces();

  // The taps of one capture, one for each graph.
  using Taps = std::vector<std::shared_ptr<CaptureTap>>;
  void AddTaps(const Taps& taps);
  // `gone` is called, on the control thread, once no worker has them any more.
  void RemoveTaps(const Taps& taps, std::function<void()> gone);

 private:
  void Publish();

  Rcu& rcu_;
  std::vector<Graph*> graphs_;
  std::shared_ptr<const TraceRequest> trace_;
  uint32_t requests_ = 0;
  std::vector<Taps> taps_;
};

}  // namespace weft
