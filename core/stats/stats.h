// SPDX-License-Identifier: Apache-2.0
// What the workers counted, added up for people: per node, per port, per reason. Reading never
// disturbs a worker. Control thread.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "core/graph/counters.h"
#include "core/graph/node_class.h"

namespace weft {

// What one worker spent on one node since it started.
struct NodeTotals {
  WorkerId worker;
  NodeId node;
  uint64_t calls = 0;
  uint64_t packets = 0;
  uint64_t cycles = 0;
};

struct PortTotals {
  uint64_t rx_packets = 0, rx_bytes = 0;
  uint64_t tx_packets = 0, tx_bytes = 0;
  uint64_t drops = 0;  // packets that were lost on the way in from it, or on the way out to it
};

// Packets that `node` dropped for one reason on account of one port.
struct DropCount {
  PortId port;
  NodeId node;
  const LabelText* reason = nullptr;
  uint64_t packets = 0;
};

struct EventCount {
  NodeId node;
  const LabelText* counter = nullptr;
  uint64_t count = 0;
};

class Stats {
 public:
  explicit Stats(const NodeCatalog& catalog) : catalog_(catalog) {}

  void AddWorker(WorkerId worker, const WorkerCounters& counters) {
    workers_.push_back({worker, &counters});
  }
  // A new port begins at 0, whatever its number counted for the port that had it before.
  void StartPort(PortId port);

  PortTotals Port(PortId port) const;
  // By worker, then node in the order of the catalog; without those that never ran.
  std::vector<NodeTotals> Nodes() const;
  // Every count that is not 0, by port, then node and reason. The port is invalid for packets of no
  // port.
  std::vector<DropCount> Drops(std::span<const PortId> ports) const;
  // The counters of all nodes, over all workers, 0 too.
  std::vector<EventCount> Events() const;

 private:
  struct OfWorker {
    WorkerId worker;
    const WorkerCounters* counters;
  };
  struct Baseline {
    PortTotals totals;
    std::map<size_t, uint64_t> drops;  // by drop number
  };

  PortTotals RawPort(PortId port) const;
  uint64_t RawDrop(PortId port, size_t drop) const;
  uint64_t Drop(PortId port, size_t drop) const;

  const NodeCatalog& catalog_;
  std::vector<OfWorker> workers_;
  std::map<PortId, Baseline> baselines_;
};

}  // namespace weft
