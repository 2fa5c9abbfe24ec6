// SPDX-License-Identifier: Apache-2.0
// What the workers counted, added up for people: per node, per port, per reason. Reading never
// disturbs a worker. Control thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/graph/counters.h"
#include "core/graph/drop_log.h"
#include "core/graph/node_class.h"
#include "core/stats/totals.h"

namespace weft {

class Stats {
 public:
  explicit Stats(const NodeCatalog& catalog) : catalog_(catalog) {}

  // Both outlive this.
  void AddWorker(WorkerId worker, const WorkerCounters& counters, const DropLog& drops) {
    workers_.push_back(
        {.worker = worker, .counters = &counters, .drops = &drops, .nodes_before = {}});
    workers_.back().before.cycles = Cycles();
  }
  // A new port begins at 0, whatever its number counted for the port that had it before.
  void StartPort(PortId port);
  // Everything begins at 0 again. The workers count on; what they have by now is left out.
  void Clear(std::span<const PortId> ports);
  // Once in a while, by a timer: rates are those between two samples of a port.
  void Sample(std::span<const PortId> ports, Time now);

  PortTotals Port(PortId port) const;
  PortRates Rates(PortId port) const;
  // Packets a second from one node of the plan to another; none before two samples.
  std::optional<double> ArcRate(NodeId from, NodeId to) const;
  // How long packets to the port took.
  LatencyTotals Latency(PortId port) const;
  WorkerTotals Worker(WorkerId worker) const;
  // By worker, then node in the order of the catalog; without those that never ran.
  std::vector<NodeTotals> Nodes() const;
  // Every count that is not 0, by port, then node and reason. The port is invalid for packets of no
  // port.
  std::vector<DropCount> Drops(std::span<const PortId> ports) const;
  // The last packets that were lost on account of the port, oldest first: at most `count`, and at
  // most DropLog::kEach a worker.
  std::vector<DroppedPacket> LastDrops(PortId port, size_t count) const;
  // The node and the reason of a DroppedPacket.
  DropCount ReasonOf(const DroppedPacket& packet) const;
  // The counters of all nodes, over all workers, 0 too.
  std::vector<EventCount> Events() const;

 private:
  struct OfWorker {
    WorkerId worker;
    const WorkerCounters* counters;
    const DropLog* drops;
    std::map<NodeId, NodeTotals> nodes_before;
    WorkerTotals before{};
    WorkerTotals sampled{};
    double busy_lately = 0;
  };
  struct Baseline {
    PortTotals totals;
    LatencyTotals latency;
    std::map<size_t, uint64_t> drops;     // by drop number
    std::vector<uint64_t> dropped_until;  // by worker, in the order of workers_
  };
  // Packets over the arcs, by NodeId from, then to.
  struct SampledArcs {
    Time at{};
    std::vector<uint64_t> packets;
    std::vector<double> rates;  // empty before two samples
  };
  struct Sampled {
    Time at{};
    PortTotals totals;
    PortRates rates;
  };

  PortTotals RawPort(PortId port) const;
  LatencyTotals RawLatency(PortId port) const;
  void SampleArcs(Time now);
  uint64_t RawDrop(PortId port, size_t drop) const;
  uint64_t Drop(PortId port, size_t drop) const;
  static WorkerTotals RawWorker(const WorkerCounters& counters);
  static NodeTotals RawNode(const OfWorker& worker, NodeId node);

  const NodeCatalog& catalog_;
  std::vector<OfWorker> workers_;
  std::map<PortId, Baseline> baselines_;
  std::map<size_t, uint64_t> events_before_;  // by counter number
  std::map<PortId, Sampled> samples_;
  SampledArcs arcs_;
};

}  // namespace weft
