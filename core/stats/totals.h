// SPDX-License-Identifier: Apache-2.0
// Numbers of Stats: values, copied from what workers count.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/ids.h"
#include "core/base/labels.h"
#include "core/graph/counters.h"

namespace weft {

// What one worker spent on one node.
struct NodeTotals {
  WorkerId worker;
  NodeId node;
  uint64_t calls = 0;
  uint64_t packets = 0;
  uint64_t cycles = 0;  // TSC ticks
};

struct WorkerTotals {
  uint64_t polls = 0, dispatches = 0, busy_cycles = 0;
  uint64_t sleeps = 0, naps = 0;
  uint64_t longest_round = 0;  // TSC ticks
  uint64_t cycles = 0;         // TSC ticks that all this took
  double busy_lately = 0;      // share of the last second or so, 0 to 1
  std::array<uint64_t, WorkerCounters::kVectorSizes> vectors{};
};

struct PortTotals {
  uint64_t rx_packets = 0, rx_bytes = 0;
  uint64_t tx_packets = 0, tx_bytes = 0;
  uint64_t rx_cycles = 0, tx_cycles = 0;  // TSC ticks spent on them
  uint64_t drops = 0;  // packets that were lost on the way in from it, or on the way out to it
};

// A second, over about the last one.
struct PortRates {
  double rx_packets = 0, rx_bytes = 0;
  double tx_packets = 0, tx_bytes = 0;
  double drops = 0;
};

// Packets by how long they took; see LatencyHistogram.
struct LatencyTotals {
  std::array<uint64_t, LatencyHistogram::kBuckets> packets{};

  uint64_t count() const;
  // TSC ticks that `share` of the packets, 0 to 1, did not take; 0 if there are none.
  uint64_t Quantile(double share) const;
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

}  // namespace weft
