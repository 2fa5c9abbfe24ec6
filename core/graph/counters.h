// SPDX-License-Identifier: Apache-2.0
// What one worker counts. Written by that worker alone, read by control at any time; nothing here
// is ever reset or moved while the worker lives, so that `show` costs the datapath nothing.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/counter.h"
#include "core/base/ids.h"
#include "core/graph/latency.h"

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
  Counter rx_cycles, tx_cycles;  // TSC ticks spent on taking the ones and on delivering the others
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
  // Packets that went from one node to another.
  Counter* arcs_from(NodeId node) { return &arcs_[node.value() * kMaxNodes]; }
  const Counter& arc(NodeId from, NodeId to) const {
    return arcs_[from.value() * kMaxNodes + to.value()];
  }
  Counter& counter(size_t number) { return counters_[number]; }
  const Counter& counter(size_t number) const { return counters_[number]; }
  // Packets dropped for reason number `drop` and blamed on `port`; an invalid port has a row of its
  // own.
  Counter& drop(PortId port, size_t drop) { return drops_[Row(port) * kMaxDrops + drop]; }
  const Counter& drop(PortId port, size_t drop) const {
    return drops_[Row(port) * kMaxDrops + drop];
  }

  // How long packets to a port were in the switch: from before their descriptors were read until
  // the receiver could see them.
  LatencyHistogram& latency(PortId port) { return latencies_[Row(port)]; }
  const LatencyHistogram& latency(PortId port) const { return latencies_[Row(port)]; }

  Counter busy_cycles;  // in dispatches that had packets
  Counter dispatches;   // input vectors
  Counter polls;        // rounds over all input nodes, empty ones too
  Counter sleeps;       // times that it slept until something woke it
  Counter naps;         // times that it slept a moment, because nothing could have woken it
  // Input vectors by size: [i] those of more than 2^(i-1) packets and at most 2^i.
  static constexpr size_t kVectorSizes = 9;
  std::array<Counter, kVectorSizes> vectors;
  // Ticks of the longest round from its beginning to that of the next, without sleeps, since
  // control last asked for a new one.
  Counter longest_round;
  Counter most_packets;  // of the pool, in one dispatch

  // Control: the longest round begins anew with the worker's next.
  void AskForLongestRound() const {
    round_request_.store(round_request_.load(std::memory_order_relaxed) + 1,
                         std::memory_order_relaxed);
  }
  // The worker: a round took so long.
  void CountRound(uint64_t cycles) {
    const uint64_t request = round_request_.load(std::memory_order_relaxed);
    if (rounds_of_.value() != request) [[unlikely]] {
      rounds_of_.Set(request);
      longest_round.Set(0);
    }
    if (cycles > longest_round.value()) longest_round.Set(cycles);
  }

 private:
  static size_t Row(PortId port) { return port.value() < kMaxPorts ? port.value() : kMaxPorts; }
  struct Free {
    void operator()(void* counters) const;
  };

  std::unique_ptr<NodeCounters[]> nodes_;
  std::unique_ptr<PortCounters[]> ports_;
  std::unique_ptr<Counter[]> counters_;
  // Megabytes of address space; only rows of ports and nodes that are in use have memory.
  std::unique_ptr<Counter[], Free> drops_;
  std::unique_ptr<Counter[], Free> arcs_;
  std::unique_ptr<LatencyHistogram[], Free> latencies_;
  mutable std::atomic<uint64_t> round_request_{0};
  Counter rounds_of_;  // the request that longest_round is an answer to
};

}  // namespace weft
