// SPDX-License-Identifier: Apache-2.0
// What one worker counts. Written by that worker alone, read by control at any time; nothing here
// is ever reset or moved while the worker lives, so that `show` costs the datapath nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/counter.h"
#include "core/base/ids.h"

namespace weft {

// A node's number in the NodeCatalog; stays the same as long as the node is known.
using NodeId = Id<struct NodeIdTag, uint16_t>;
inline constexpr size_t kMaxNodes = 128;
// Drop reasons and counters of all nodes are numbered through: NodeClass::first_drop + the
// enumerator.
inline constexpr size_t kMaxDrops = 512;
inline constexpr size_t kMaxCounters = 512;

struct alignas(64) NodeCounters {
  Counter calls;    // frames handled
  Counter packets;  // packets in them
  Counter cycles;   // TSC ticks spent
};

struct alignas(64) PortCounters {
  Counter rx_packets, rx_bytes;  // from the port into the switch
  Counter tx_packets, tx_bytes;  // from the switch into the port
};

class WorkerCounters {
 public:
  WorkerCounters();
  WorkerCounters(const WorkerCounters&) = delete;
  WorkerCounters& operator=(const WorkerCounters&) = delete;

  NodeCounters& node(NodeId node) { return nodes_[node.value()]; }
  const NodeCounters& node(NodeId node) const { return nodes_[node.value()]; }
  PortCounters& port(PortId port) { return ports_[port.value()]; }
  const PortCounters& port(PortId port) const { return ports_[port.value()]; }
  Counter& counter(size_t number) { return counters_[number]; }
  const Counter& counter(size_t number) const { return counters_[number]; }
  // Packets dropped for reason number `drop` and blamed on `port`; an invalid port has a row of its
  // own.
  Counter& drop(PortId port, size_t drop) { return drops_[Row(port) * kMaxDrops + drop]; }
  const Counter& drop(PortId port, size_t drop) const {
    return drops_[Row(port) * kMaxDrops + drop];
  }

  Counter busy_cycles;  // in dispatches that had packets
  Counter dispatches;   // input vectors
  Counter polls;        // rounds over all input nodes, empty ones too
  Counter sleeps;       // times that it slept until something woke it

 private:
  static size_t Row(PortId port) { return port.value() < kMaxPorts ? port.value() : kMaxPorts; }
  struct Unmap {
    void operator()(Counter* counters) const;
  };

  std::unique_ptr<NodeCounters[]> nodes_;
  std::unique_ptr<PortCounters[]> ports_;
  std::unique_ptr<Counter[]> counters_;
  std::unique_ptr<Counter[], Unmap>
      drops_;  // 4 MB of address space; only rows that dropped use memory
};

}  // namespace weft
