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
  std::string advice;
  if (status.state == PortState::kError) {
    advice = Cat("who connects next begins afresh; show log, and show drops port ", port.name,
                 " last 20, have what came before");
  } else if (!port.backend->Attachment().empty()) {
    advice = Cat("show port ", port.name, " attach has what whoever is there needs");
  }
  findings.push_back({status.reason.empty() ? std::string(state) : Cat(state, ": ", status.reason),
                      std::move(advice)});
}

// Of how many packets those are that were dropped there: of those that came from the port, or that
// were to go to it.
uint64_t Whole(const NodeClass& node, const PortTotals& totals, uint64_t dropped) {
  if (node.kind == NodeKind::kInput) return totals.rx_packets + dropped;
  return node.spec.arc == "port-output" ? totals.tx_packets + dropped : totals.rx_packets;
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
  const double lately = s.stats().Rates(port.id).drops;
  for (const DropCount& drop : drops) {
    const NodeClass& node = s.catalog().node(drop.node);
    // Counters move on while they are read.
    const uint64_t whole = std::max(Whole(node, totals, drop.packets), drop.packets);
    const double share = 100 * static_cast<double>(drop.packets) / static_cast<double>(whole);
    findings.push_back(
        {absl::StrFormat("%d of %d packets %s it (%.3g %%) were lost at %s, %s: %s", drop.packets,
                         whole, node.spec.arc == "port-output" ? "to" : "from", share,
                         std::string(node.spec.name), std::string(drop.reason->name),
                         std::string(drop.reason->help)),
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
         "more of cores in [workers], or fewer ports; watch show ports has who sends so much, show "
         "runtime what it costs"});
  }
}

// How to see where its packets go. A kind's input is called like the kind.
std::string HowToTrace(const Switch& s, const Port& port) {
  const NodeClass* const input = s.catalog().Find(Cat(port.kind, "-input"));
  return Cat("trace add ", input != nullptr ? input->spec.name : "INPUT", " 5 port ", port.name,
             input != nullptr ? "" : " (INPUT is the input node of its kind)",
             ", then show trace, shows where its packets go");
}

Finding AllIsWell(const Switch& s, const Port& port) {
  const PortRates rates = s.stats().Rates(port.id);
  if (rates.rx_packets == 0) {
    return {rates.tx_packets == 0
                ? "it is up, and in the last second nobody sent to it and it sent nothing"
                : absl::StrFormat("it is up, gets %.0f packets a second, and sends nothing",
                                  rates.tx_packets),
            HowToTrace(s, port)};
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
