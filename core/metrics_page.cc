// SPDX-License-Identifier: Apache-2.0
#include "core/metrics_page.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <rte_version.h>

#include <algorithm>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/base/tsc.h"
#include "core/switch.h"
#include "core/version.h"

namespace weft {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using PrometheusLabels = std::vector<ClientMetric::Label>;

// The families of a page, in the order in which they were first named.
class Families {
 public:
  void Count(std::string_view name, std::string_view help, PrometheusLabels labels, double value) {
    Add(MetricType::Counter, name, help, std::move(labels)).counter.value = value;
  }
  void Count(std::string_view name, std::string_view help, PrometheusLabels labels,
             uint64_t value) {
    Count(name, help, std::move(labels), static_cast<double>(value));
  }
  void Gauge(std::string_view name, std::string_view help, PrometheusLabels labels, double value) {
    Add(MetricType::Gauge, name, help, std::move(labels)).gauge.value = value;
  }
  void Spread(std::string_view name, std::string_view help, PrometheusLabels labels,
              ClientMetric::Histogram histogram) {
    Add(MetricType::Histogram, name, help, std::move(labels)).histogram = std::move(histogram);
  }
  // What is true as long as it is there: a value of 1, and what it says is in its labels.
  void Info(std::string_view name, std::string_view help, PrometheusLabels labels) {
    Gauge(name, help, std::move(labels), 1);
  }

  std::string Text() const {
    std::ostringstream text;
    prometheus::TextSerializer().Serialize(text, families_);
    return std::move(text).str();
  }

 private:
  ClientMetric& Add(MetricType type, std::string_view name, std::string_view help,
                    PrometheusLabels labels) {
    // Samples of one family come one after the other or not at all far apart.
    auto family = std::find_if(families_.rbegin(), families_.rend(),
                               [name](const MetricFamily& other) { return other.name == name; });
    if (family == families_.rend()) {
      families_.push_back({std::string(name), std::string(help), type, {}});
      family = families_.rbegin();
    }
    ClientMetric& metric = family->metric.emplace_back();
    metric.label = std::move(labels);
    return metric;
  }

  std::vector<MetricFamily> families_;
};

// The name of a node or a counter inside that of a metric.
std::string Snake(std::string_view kebab) {
  std::string name(kebab);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

// "source addresses that changed their port" as a sentence.
std::string Sentence(std::string_view help) {
  std::string sentence(help);
  if (!sentence.empty() && sentence[0] >= 'a' && sentence[0] <= 'z')
    sentence[0] = static_cast<char>(sentence[0] - 'a' + 'A');
  if (!sentence.ends_with('.')) sentence += '.';
  return sentence;
}

void AddProgram(Families& families, WallTime start) {
  families.Info("weft_build_info", "The versions of weftd and of the DPDK that it runs on.",
                {{"version", std::string(kVersion)}, {"dpdk", rte_version()}});
  families.Gauge("process_start_time_seconds", "When weftd started, in seconds since 1970.", {},
                 std::chrono::duration<double>(start.time_since_epoch()).count());
}

void AddPorts(Families& families, const Switch& s) {
  for (const auto& port : s.ports().ports()) {
    const PortTotals totals = s.stats().Port(port->id);
    const PortState now = port->backend->Status().state;
    const PrometheusLabels labels = {{"port", port->name}};
    families.Info("weft_port_info", "Which kind of port it is, and the bridge that it is in.",
                  {{"port", port->name}, {"kind", port->kind}, {"bridge", port->bridge}});
    families.Gauge("weft_port_up", "Whether frames can flow: 1 or 0.", labels,
                   now == PortState::kUp ? 1 : 0);
    for (const PortState state : {PortState::kDown, PortState::kUp, PortState::kError}) {
      families.Gauge("weft_port_state", "1 for the state that the port is in, else 0.",
                     {{"port", port->name}, {"state", std::string(kPortStates.name(state))}},
                     now == state ? 1 : 0);
    }
    families.Gauge("weft_port_mtu_bytes", "The longest frame, without its Ethernet header.", labels,
                   port->mtu);
    families.Count("weft_port_receive_packets_total", "Packets from the port into the switch.",
                   labels, totals.rx_packets);
    families.Count("weft_port_receive_bytes_total", "Bytes of those frames.", labels,
                   totals.rx_bytes);
    families.Count("weft_port_transmit_packets_total", "Packets from the switch into the port.",
                   labels, totals.tx_packets);
    families.Count("weft_port_transmit_bytes_total", "Bytes of those frames.", labels,
                   totals.tx_bytes);
  }
}

// One bucket to a doubling, of those that a packet may take: between some 100 ns and some 50 ms.
ClientMetric::Histogram HistogramOf(const LatencyTotals& latency) {
  constexpr size_t kFirst = 3 * LatencyHistogram::kSteps;
  constexpr size_t kLast = 21 * LatencyHistogram::kSteps;
  const double seconds_per_cycle = Seconds(1);
  ClientMetric::Histogram histogram;
  uint64_t begin = 0;
  for (size_t bucket = 0; bucket < LatencyHistogram::kBuckets; ++bucket) {
    const uint64_t end = LatencyHistogram::EndOf(bucket);
    const auto middle = static_cast<double>(begin + end) / 2;
    histogram.sample_count += latency.packets[bucket];
    histogram.sample_sum +=
        static_cast<double>(latency.packets[bucket]) * middle * seconds_per_cycle;
    if (bucket % LatencyHistogram::kSteps == 0 && bucket >= kFirst && bucket <= kLast) {
      histogram.bucket.push_back({.cumulative_count = histogram.sample_count,
                                  .upper_bound = static_cast<double>(end) * seconds_per_cycle});
    }
    begin = end;
  }
  return histogram;
}

void AddLatencies(Families& families, const Switch& s) {
  for (const auto& port : s.ports().ports()) {
    const LatencyTotals latency = s.stats().Latency(port->id);
    if (latency.count() == 0) continue;
    families.Spread("weft_port_latency_seconds",
                    "How long packets to the port were in the switch; the sum is right to a "
                    "sixteenth.",
                    {{"port", port->name}}, HistogramOf(latency));
  }
}

void AddDrops(Families& families, const Switch& s) {
  std::vector<PortId> ports;
  for (const auto& port : s.ports().ports()) ports.push_back(port->id);
  for (const DropCount& drop : s.stats().Drops(ports)) {
    families.Count(
        "weft_drops_total",
        "Lost packets: of the port that sent them, or of the receiver where it could not take "
        "them. weft_drop_reason_info says what a reason means.",
        {{"port", drop.port.valid() ? s.ports().NameOf(drop.port) : ""},
         {"node", std::string(s.catalog().node(drop.node).spec.name)},
         {"reason", std::string(drop.reason->name)}},
        drop.packets);
  }
  for (const NodeClass& node : s.catalog().nodes()) {
    for (const LabelText& reason : node.drops) {
      families.Info("weft_drop_reason_info", "What a reason of weft_drops_total means.",
                    {{"node", std::string(node.spec.name)},
                     {"reason", std::string(reason.name)},
                     {"help", Sentence(reason.help)}});
    }
  }
}

void AddNodes(Families& families, const Switch& s) {
  for (const NodeTotals& node : s.stats().Nodes()) {
    const PrometheusLabels labels = {{"worker", std::to_string(node.worker.value())},
                                     {"node", std::string(s.catalog().node(node.node).spec.name)}};
    families.Count("weft_node_calls_total", "Vectors of packets that the node handled.", labels,
                   node.calls);
    families.Count("weft_node_packets_total", "Packets in those vectors.", labels, node.packets);
    families.Count("weft_node_cycles_total", "TSC ticks that the node spent on them.", labels,
                   node.cycles);
  }
  for (const NodeClass& node : s.catalog().nodes()) {
    families.Info("weft_node_info", "What a node is for.",
                  {{"node", std::string(node.spec.name)},
                   {"kind", std::string(kNodeKinds.name(node.kind))},
                   {"help", std::string(node.spec.help)}});
  }
  for (const EventCount& event : s.stats().Events()) {
    const std::string_view node = s.catalog().node(event.node).spec.name;
    families.Count(Cat("weft_", Snake(node), "_", Snake(event.counter->name), "_total"),
                   Sentence(event.counter->help), {{"node", std::string(node)}}, event.count);
  }
}

void AddWorkers(Families& families, const Switch& s) {
  for (const auto& worker : s.workers()) {
    const WorkerTotals totals = s.stats().Worker(worker->id());
    const std::string number = std::to_string(worker->id().value());
    const PrometheusLabels labels = {{"worker", number}};
    families.Info("weft_worker_info", "The core that a worker is pinned to.",
                  {{"worker", number}, {"core", std::to_string(worker->core())}});
    families.Count("weft_worker_busy_seconds_total", "Time spent on packets.", labels,
                   Seconds(totals.busy_cycles));
    families.Count("weft_worker_polls_total", "Rounds over all inputs, empty ones too.", labels,
                   totals.polls);
    families.Count("weft_worker_dispatches_total", "Vectors of packets from inputs.", labels,
                   totals.dispatches);
    families.Count("weft_worker_sleeps_total", "Times that it slept until something woke it.",
                   labels, totals.sleeps);
    families.Count("weft_worker_naps_total",
                   "Times that it slept a moment, as not all of its ports can wake it.", labels,
                   totals.naps);
  }
}

}  // namespace

HttpAnswer MetricsPage::Answer(const HttpRequest& request) {
  if (request.path != "/metrics") return HttpSentence(404, "the metrics are at /metrics");
  if (const Time now = clock_.Now(); text_ == nullptr || now - made_ >= kFresh) {
    Families families;
    AddProgram(families, start_);
    AddPorts(families, switch_);
    AddLatencies(families, switch_);
    AddDrops(families, switch_);
    AddNodes(families, switch_);
    AddWorkers(families, switch_);
    text_ = std::make_shared<const std::string>(families.Text());
    made_ = now;
  }
  return {.status = 200, .type = "text/plain; version=0.0.4; charset=utf-8", .body = text_};
}

}  // namespace weft
