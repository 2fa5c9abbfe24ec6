// SPDX-License-Identifier: Apache-2.0
#include "core/stats/stats.h"

namespace weft {

uint64_t Stats::RawDrop(PortId port, size_t drop) const {
  uint64_t packets = 0;
  for (const OfWorker& w : workers_) packets += w.counters->drop(port, drop).value();
  return packets;
}

PortTotals Stats::RawPort(PortId port) const {
  PortTotals totals;
  for (const OfWorker& w : workers_) {
    const PortCounters& counters = w.counters->port(port);
    totals.rx_packets += counters.rx_packets.value();
    totals.rx_bytes += counters.rx_bytes.value();
    totals.tx_packets += counters.tx_packets.value();
    totals.tx_bytes += counters.tx_bytes.value();
  }
  for (size_t drop = 0; drop < catalog_.drop_count(); ++drop) totals.drops += RawDrop(port, drop);
  return totals;
}

void Stats::StartPort(PortId port) {
  Baseline baseline;
  baseline.totals = RawPort(port);
  for (size_t drop = 0; drop < catalog_.drop_count(); ++drop) {
    if (const uint64_t packets = RawDrop(port, drop); packets != 0) baseline.drops[drop] = packets;
  }
  baselines_[port] = std::move(baseline);
}

PortTotals Stats::Port(PortId port) const {
  PortTotals totals = RawPort(port);
  const auto found = baselines_.find(port);
  if (found == baselines_.end()) return totals;
  const PortTotals& before = found->second.totals;
  totals.rx_packets -= before.rx_packets;
  totals.rx_bytes -= before.rx_bytes;
  totals.tx_packets -= before.tx_packets;
  totals.tx_bytes -= before.tx_bytes;
  totals.drops -= before.drops;
  return totals;
}

uint64_t Stats::Drop(PortId port, size_t drop) const {
  const uint64_t packets = RawDrop(port, drop);
  const auto found = baselines_.find(port);
  if (found == baselines_.end()) return packets;
  const auto before = found->second.drops.find(drop);
  return before == found->second.drops.end() ? packets : packets - before->second;
}

std::vector<NodeTotals> Stats::Nodes() const {
  std::vector<NodeTotals> totals;
  for (const OfWorker& w : workers_) {
    for (const NodeClass& node : catalog_.nodes()) {
      const NodeCounters& counters = w.counters->node(node.id);
      if (counters.calls.value() == 0) continue;
      totals.push_back({w.worker, node.id, counters.calls.value(), counters.packets.value(),
                        counters.cycles.value()});
    }
  }
  return totals;
}

std::vector<DropCount> Stats::Drops(std::span<const PortId> ports) const {
  std::vector<DropCount> counts;
  std::vector<PortId> rows(ports.begin(), ports.end());
  rows.push_back(PortId());
  for (const PortId port : rows) {
    for (const NodeClass& node : catalog_.nodes()) {
      for (size_t i = 0; i < node.drops.size(); ++i) {
        const uint64_t packets = Drop(port, node.first_drop + i);
        if (packets != 0) counts.push_back({port, node.id, &node.drops[i], packets});
      }
    }
  }
  return counts;
}

std::vector<EventCount> Stats::Events() const {
  std::vector<EventCount> counts;
  for (const NodeClass& node : catalog_.nodes()) {
    for (size_t i = 0; i < node.counters.size(); ++i) {
      uint64_t count = 0;
      for (const OfWorker& w : workers_)
        count += w.counters->counter(node.first_counter + i).value();
      counts.push_back({node.id, &node.counters[i], count});
    }
  }
  return counts;
}

}  // namespace weft
