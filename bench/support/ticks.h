// SPDX-License-Identifier: Apache-2.0
// TSC ticks over many vectors, and their median: one vector that was interrupted does not count for
// a thousand.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/graph/counters.h"

namespace weft::bench {

// Of at least one sample; reorders them.
template <typename T>
double Median(std::vector<T>& samples) {
  const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
  std::nth_element(samples.begin(), middle, samples.end());
  return static_cast<double>(*middle);
}

// What one node costs a packet of its own, as the graph charges it and `show runtime` says. Needs
// no clock in the node: the graph reads it once a node and frame.
class NodeTicks {
 public:
  explicit NodeTicks(const NodeCounters& counters) : counters_(counters) { Skip(); }

  // What was counted until now does not count.
  void Skip() {
    packets_ = counters_.packets.value();
    cycles_ = counters_.cycles.value();
  }
  // A vector has gone through.
  void Sample() {
    const uint64_t packets = counters_.packets.value() - packets_;
    const uint64_t cycles = counters_.cycles.value() - cycles_;
    if (packets != 0) {
      samples_.push_back(static_cast<double>(cycles) / static_cast<double>(packets));
    }
    Skip();
  }
  // 0 if the node has seen no packet.
  double Median() { return samples_.empty() ? 0 : bench::Median(samples_); }

 private:
  const NodeCounters& counters_;
  uint64_t packets_ = 0;
  uint64_t cycles_ = 0;
  std::vector<double> samples_;
};

}  // namespace weft::bench
