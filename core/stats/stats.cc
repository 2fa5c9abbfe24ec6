// SPDX-License-Identifier: Apache-2.0
#include "core/stats/stats.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace weft {
namespace {

// Both are sums over the same workers, one later than the other.
PortTotals Since(PortTotals totals, const PortTotals& before) {
  totals.rx_packets -= before.rx_packets;
  totals.rx_bytes -= before.rx_bytes;
  totals.tx_packets -= before.tx_packets;
  totals.tx_bytes -= before.tx_bytes;
  totals.rx_cycles -= before.rx_cycles;
  totals.tx_cycles -= before.tx_cycles;
  totals.drops -= before.drops;
  return totals;
}

LatencyTotals Since(LatencyTotals totals, const LatencyTotals& before) {
  for (size_t i = 0; i < totals.packets.size(); ++i) totals.packets[i] -= before.packets[i];
  return totals;
}

uint64_t CountOf(const std::map<size_t, uint64_t>& counts, size_t number) {
  const auto found = counts.find(number);
  return found == counts.end() ? 0 : found->second;
}

}  // namespace

uint64_t LatencyTotals::count() const {
  uint64_t sum = 0;
  for (const uint64_t of_bucket : packets) sum += of_bucket;
  return sum;
}

uint64_t LatencyTotals::Quantile(double share) const {
  const uint64_t all = count();
  if (all == 0) return 0;
  const auto wanted =
      std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(share * static_cast<double>(all))));
  uint64_t sum = 0;
  size_t bucket = 0;
  while (bucket + 1 < packets.size() && (sum += packets[bucket]) < wanted) ++bucket;
  return LatencyHistogram::EndOf(bucket);
}

uint64_t Stats::RawDrop(PortId port, size_t drop) const {
  uint64_t packets = 0;
  for (const OfWorker& w : workers_) packets += w.counters->drop(port, drop).value();
  return packets;
}

PortTotals Stats::RawPort(PortId port) const {
  PortTotals totals;
  for (const OfWorker& w : workers_) {
    if (!port.valid()) break;  // packets of no port are only ever dropped
    const PortCounters& counters = w.counters->port(port);
    totals.rx_packets += counters.rx_packets.value();
    totals.rx_bytes += counters.rx_bytes.value();
    totals.tx_packets += counters.tx_packets.value();
    totals.tx_bytes += counters.tx_bytes.value();
    totals.rx_cycles += counters.rx_cycles.value();
    totals.tx_cycles += counters.tx_cycles.value();
  }
  for (size_t drop = 0; drop < catalog_.drop_count(); ++drop) totals.drops += RawDrop(port, drop);
  return totals;
}

LatencyTotals Stats::RawLatency(PortId port) const {
  LatencyTotals totals;
  for (const OfWorker& w : workers_) {
    const LatencyHistogram& histogram = w.counters->latency(port);
    for (size_t i = 0; i < totals.packets.size(); ++i) totals.packets[i] += histogram.count(i);
  }
  return totals;
}

void Stats::StartPort(PortId port) {
  Baseline baseline{
      .totals = RawPort(port), .latency = RawLatency(port), .drops = {}, .dropped_until = {}};
  for (size_t drop = 0; drop < catalog_.drop_count(); ++drop) {
    if (const uint64_t packets = RawDrop(port, drop); packets != 0) baseline.drops[drop] = packets;
  }
  for (const OfWorker& w : workers_) baseline.dropped_until.push_back(w.drops->count(port));
  baselines_[port] = std::move(baseline);
  samples_.erase(port);
}

void Stats::Clear(std::span<const PortId> ports) {
  for (const PortId port : ports) StartPort(port);
  StartPort(PortId());
  for (OfWorker& w : workers_) {
    for (const NodeClass& node : catalog_.nodes()) w.nodes_before[node.id] = RawNode(w, node.id);
    w.before = RawWorker(*w.counters);
    w.counters->AskForLongestRound();
  }
  events_before_.clear();
  for (const NodeClass& node : catalog_.nodes()) {
    for (size_t i = 0; i < node.counters.size(); ++i) {
      for (const OfWorker& w : workers_) {
        events_before_[node.first_counter + i] +=
            w.counters->counter(node.first_counter + i).value();
      }
    }
  }
}

void Stats::Sample(std::span<const PortId> ports, Time now) {
  std::map<PortId, Sampled> samples;
  for (const PortId port : ports) {
    Sampled next{.at = now, .totals = RawPort(port), .rates = {}};
    const auto last = samples_.find(port);
    if (last != samples_.end() && last->second.at < now) {
      const PortTotals grown = Since(next.totals, last->second.totals);
      const double seconds = std::chrono::duration<double>(now - last->second.at).count();
      next.rates = {.rx_packets = static_cast<double>(grown.rx_packets) / seconds,
                    .rx_bytes = static_cast<double>(grown.rx_bytes) / seconds,
                    .tx_packets = static_cast<double>(grown.tx_packets) / seconds,
                    .tx_bytes = static_cast<double>(grown.tx_bytes) / seconds,
                    .drops = static_cast<double>(grown.drops) / seconds};
    }
    samples[port] = next;
  }
  samples_ = std::move(samples);
  SampleArcs(now);
  for (OfWorker& w : workers_) {
    const WorkerTotals totals = RawWorker(*w.counters);
    if (w.sampled.cycles != 0) {
      w.busy_lately = static_cast<double>(totals.busy_cycles - w.sampled.busy_cycles) /
                      static_cast<double>(std::max<uint64_t>(totals.cycles - w.sampled.cycles, 1));
    }
    w.sampled = totals;
  }
}

void Stats::SampleArcs(Time now) {
  SampledArcs next{.at = now, .packets = std::vector<uint64_t>(kMaxNodes * kMaxNodes), .rates = {}};
  for (size_t arc = 0; arc < next.packets.size(); ++arc) {
    const NodeId from(static_cast<uint16_t>(arc / kMaxNodes)),
        to(static_cast<uint16_t>(arc % kMaxNodes));
    for (const OfWorker& w : workers_) next.packets[arc] += w.counters->arc(from, to).value();
  }
  if (arcs_.packets.size() == next.packets.size() && arcs_.at < now) {
    const double seconds = std::chrono::duration<double>(now - arcs_.at).count();
    for (size_t arc = 0; arc < next.packets.size(); ++arc) {
      next.rates.push_back(static_cast<double>(next.packets[arc] - arcs_.packets[arc]) / seconds);
    }
  }
  arcs_ = std::move(next);
}

std::optional<double> Stats::ArcRate(NodeId from, NodeId to) const {
  const size_t arc = from.value() * kMaxNodes + to.value();
  if (arc >= arcs_.rates.size()) return std::nullopt;
  return arcs_.rates[arc];
}

PortTotals Stats::Port(PortId port) const {
  const auto found = baselines_.find(port);
  return found == baselines_.end() ? RawPort(port) : Since(RawPort(port), found->second.totals);
}

PortRates Stats::Rates(PortId port) const {
  const auto found = samples_.find(port);
  return found == samples_.end() ? PortRates() : found->second.rates;
}

LatencyTotals Stats::Latency(PortId port) const {
  const auto found = baselines_.find(port);
  return found == baselines_.end() ? RawLatency(port)
                                   : Since(RawLatency(port), found->second.latency);
}

WorkerTotals Stats::RawWorker(const WorkerCounters& counters) {
  WorkerTotals totals{.polls = counters.polls.value(),
                      .dispatches = counters.dispatches.value(),
                      .busy_cycles = counters.busy_cycles.value(),
                      .sleeps = counters.sleeps.value(),
                      .naps = counters.naps.value(),
                      .longest_round = counters.longest_round.value(),
                      .cycles = Cycles()};
  for (size_t i = 0; i < totals.vectors.size(); ++i)
    totals.vectors[i] = counters.vectors[i].value();
  return totals;
}

WorkerTotals Stats::Worker(WorkerId worker) const {
  const auto found = std::find_if(workers_.begin(), workers_.end(),
                                  [&](const OfWorker& w) { return w.worker == worker; });
  if (found == workers_.end()) return {};
  WorkerTotals totals = RawWorker(*found->counters);
  const WorkerTotals& before = found->before;
  totals.polls -= before.polls;
  totals.dispatches -= before.dispatches;
  totals.busy_cycles -= before.busy_cycles;
  totals.sleeps -= before.sleeps;
  totals.naps -= before.naps;
  totals.cycles -= before.cycles;
  totals.busy_lately = found->busy_lately;
  for (size_t i = 0; i < totals.vectors.size(); ++i) totals.vectors[i] -= before.vectors[i];
  return totals;
}

uint64_t Stats::Drop(PortId port, size_t drop) const {
  const uint64_t packets = RawDrop(port, drop);
  const auto found = baselines_.find(port);
  return found == baselines_.end() ? packets : packets - CountOf(found->second.drops, drop);
}

NodeTotals Stats::RawNode(const OfWorker& worker, NodeId node) {
  const NodeCounters& counters = worker.counters->node(node);
  return {worker.worker, node, counters.calls.value(), counters.packets.value(),
          counters.cycles.value()};
}

std::vector<NodeTotals> Stats::Nodes() const {
  std::vector<NodeTotals> nodes;
  for (const OfWorker& w : workers_) {
    for (const NodeClass& node : catalog_.nodes()) {
      NodeTotals totals = RawNode(w, node.id);
      if (const auto before = w.nodes_before.find(node.id); before != w.nodes_before.end()) {
        totals.calls -= before->second.calls;
        totals.packets -= before->second.packets;
        totals.cycles -= before->second.cycles;
      }
      if (totals.calls != 0) nodes.push_back(totals);
    }
  }
  return nodes;
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

std::vector<DroppedPacket> Stats::LastDrops(PortId port, size_t count) const {
  std::vector<DroppedPacket> packets;
  const auto baseline = baselines_.find(port);
  for (size_t i = 0; i < workers_.size(); ++i) {
    const bool known = baseline != baselines_.end() && i < baseline->second.dropped_until.size();
    const std::vector<DroppedPacket> of_worker =
        workers_[i].drops->Read(port, known ? baseline->second.dropped_until[i] : 0);
    packets.insert(packets.end(), of_worker.begin(), of_worker.end());
  }
  std::stable_sort(packets.begin(), packets.end(),
                   [](const auto& a, const auto& b) { return a.cycles < b.cycles; });
  if (packets.size() > count)
    packets.erase(packets.begin(), packets.end() - static_cast<ptrdiff_t>(count));
  return packets;
}

DropCount Stats::ReasonOf(const DroppedPacket& packet) const {
  for (const NodeClass& node : catalog_.nodes()) {
    const size_t reason = size_t{packet.drop} - node.first_drop;
    if (packet.drop >= node.first_drop && reason < node.drops.size())
      return {PortId(), node.id, &node.drops[reason], packet.packets};
  }
  return {};
}

std::vector<EventCount> Stats::Events() const {
  std::vector<EventCount> counts;
  for (const NodeClass& node : catalog_.nodes()) {
    for (size_t i = 0; i < node.counters.size(); ++i) {
      uint64_t count = 0;
      for (const OfWorker& w : workers_)
        count += w.counters->counter(node.first_counter + i).value();
      counts.push_back(
          {node.id, &node.counters[i], count - CountOf(events_before_, node.first_counter + i)});
    }
  }
  return counts;
}

}  // namespace weft
