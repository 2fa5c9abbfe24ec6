// SPDX-License-Identifier: Apache-2.0
#include "core/diagnosis.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/text.h"

namespace weft {
namespace {

constexpr double kSaturated = 0.95;  // of a worker's time
constexpr size_t kMostReasons = 3;   // of lost packets, that are worth a sentence each

void AddState(const Port& port, std::vector<Finding>& findings) {
  const PortStatus status = port.backend->Status();
  if (status.state == PortState::kUp) return;
  const char* const state = status.state == PortState::kError ? "it is in error" : "it is down";
  findings.push_back(
      {status.reason.empty() ? std::string(state) : Cat(state, ": ", status.reason),
       status.state == PortState::kError
           ? Cat("who connects next begins afresh; show log, and show drops port ", port.name,
                 " last 20, have what came before")
           : Cat("show port ", port.name, " attach has what whoever is there needs")});
}

// Why packets were lost, by what was lost most.
void AddDrops(const Switch& s, const Port& port, std::vector<Finding>& findings) {
  const std::array<PortId, 1> ports = {port.id};
  std::vector<DropCount> drops = s.stats().Drops(ports);
  std::erase_if(drops, [](const DropCount& drop) { return !drop.port.valid(); });
  std::stable_sort(drops.begin(), drops.end(),
                   [](const auto& a, const auto& b) { return a.packets > b.packets; });
  if (drops.size() > kMostReasons) drops.resize(kMostReasons);
  const PortTotals totals = s.stats().Port(port.id);
  const uint64_t all = totals.rx_packets + totals.tx_packets + totals.drops;
  const double lately = s.stats().Rates(port.id).drops;
  for (const DropCount& drop : drops) {
    const double share = 100 * static_cast<double>(drop.packets) / static_cast<double>(all);
    findings.push_back(
        {absl::StrFormat("%d packets (%.2g %% of its own) were lost at %s, %s: %s", drop.packets,
                         share, std::string(s.catalog().node(drop.node).spec.name),
                         std::string(drop.reason->name), std::string(drop.reason->help)),
         Cat(lately > 0 ? absl::StrFormat("it loses %.0f a second now; ", lately)
                        : std::string("none in the last second; "),
             "show drops port ", port.name, " last 20 has the packets themselves")});
  }
}

void AddWorkers(const Switch& s, const Port& port, std::vector<Finding>& findings) {
  std::vector<WorkerId> workers = port.workers;
  std::sort(workers.begin(), workers.end());
  workers.erase(std::unique(workers.begin(), workers.end()), workers.end());
  for (const WorkerId worker : workers) {
    const double busy = s.stats().Worker(worker).busy_lately;
    if (busy < kSaturated) continue;
    findings.push_back(
        {absl::StrFormat("worker %d, which polls it, was busy for %.0f %% of the last second",
                         worker.value(), 100 * busy),
         "more of cores in [workers], or fewer ports; show ports has who sends so much, show "
         "runtime what it costs"});
  }
}

Finding AllIsWell(const Switch& s, const Port& port) {
  const PortRates rates = s.stats().Rates(port.id);
  if (rates.rx_packets == 0) {
    return {rates.tx_packets == 0
                ? "it is up, and in the last second nobody sent to it and it sent nothing"
                : absl::StrFormat("it is up, gets %.0f packets a second, and sends nothing",
                                  rates.tx_packets),
            "trace add vhost-input 5, then show trace, shows where packets go"};
  }
  return {absl::StrFormat("it is up: %.0f packets a second from it, %.0f to it, none lost",
                          rates.rx_packets, rates.tx_packets),
          ""};
}

}  // namespace

std::vector<Finding> Diagnose(const Switch& s, const Port& port) {
  std::vector<Finding> findings;
  AddState(port, findings);
  const auto append = [&](std::vector<Finding> more) {
    findings.insert(findings.end(), std::make_move_iterator(more.begin()),
                    std::make_move_iterator(more.end()));
  };
  append(port.backend->Findings());
  append(s.Explain(port.id));
  AddDrops(s, port, findings);
  AddWorkers(s, port, findings);
  if (findings.empty()) findings.push_back(AllIsWell(s, port));
  return findings;
}

}  // namespace weft
