// SPDX-License-Identifier: Apache-2.0
// show workers, show vectors, show buffers, show memory, show latency, clear counters.
#include <malloc.h>
#include <rte_malloc.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/base/tsc.h"
#include "core/commands.h"
#include "core/shell/command_table.h"
#include "core/switch.h"

namespace weft {
namespace {

double Microseconds(uint64_t cycles) { return 1e6 * Seconds(cycles); }

double Percent(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

std::vector<Column> WorkerColumns() {
  return {{"worker", "its number", CellKind::kCount},
          {"core", "the core that it is pinned to", CellKind::kCount},
          {"ports", "those that it polls"},
          {"busy", "share of the last second that it spent on packets", CellKind::kPercent},
          {"busy-ms", "time spent on them", CellKind::kCounter},
          {"polls", "rounds over all inputs", CellKind::kCounter},
          {"dispatches", "vectors of packets", CellKind::kCounter},
          {"longest-us",
           "its longest round since `clear counters`, what took the core from it included",
           CellKind::kDecimal},
          {"sleeps", "times that it slept until it was woken", CellKind::kCounter},
          {"naps", "times that it slept a moment, as not all of its ports can wake it",
           CellKind::kCounter}};
}

Reply ShowWorkers(const Switch& s) {
  Table table{.columns = WorkerColumns()};
  for (const auto& worker : s.workers()) {
    std::vector<std::string> ports;
    for (const auto& port : s.ports().ports()) {
      const std::vector<WorkerId>& workers = port->workers;
      if (std::find(workers.begin(), workers.end(), worker->id()) != workers.end())
        ports.push_back(port->name);
    }
    const WorkerTotals totals = s.stats().Worker(worker->id());
    table.rows.push_back({uint64_t{worker->id().value()}, uint64_t{worker->core()},
                          Join(ports, ", "), 100 * totals.busy_lately,
                          static_cast<uint64_t>(Microseconds(totals.busy_cycles) / 1000),
                          totals.polls, totals.dispatches, Microseconds(totals.longest_round),
                          totals.sleeps, totals.naps});
  }
  return table;
}

std::vector<Column> VectorColumns() {
  return {{"worker", "its number", CellKind::kCount},
          {"from", "vectors of at least so many packets", CellKind::kCount},
          {"to", "and of at most so many", CellKind::kCount},
          {"vectors", "how many there were", CellKind::kCounter},
          {"share", "of all of this worker's", CellKind::kPercent}};
}

Reply ShowVectors(const Switch& s) {
  Table table{.columns = VectorColumns(), .if_empty = "no packet has come in yet"};
  for (const auto& worker : s.workers()) {
    const WorkerTotals totals = s.stats().Worker(worker->id());
    for (size_t i = 0; i < totals.vectors.size(); ++i) {
      if (totals.vectors[i] == 0) continue;
      table.rows.push_back({uint64_t{worker->id().value()},
                            i == 0 ? uint64_t{1} : (uint64_t{1} << (i - 1)) + 1, uint64_t{1} << i,
                            totals.vectors[i], Percent(totals.vectors[i], totals.dispatches)});
    }
  }
  return table;
}

std::vector<Column> BufferColumns() {
  return {
      {"worker", "whose they are", CellKind::kCount},
      {"packets", "packets that it has", CellKind::kCount},
      {"most-used", "the most that one dispatch took of them", CellKind::kCount},
      {"bytes", "memory of all of them", CellKind::kBytes},
      {"held", "packets that nodes keep now, to send them later", CellKind::kCount},
      {"most-held", "the most that there ever were", CellKind::kCount},
      {"room", "packets that it can keep; 0 until a plugin's node keeps some", CellKind::kCount},
      {"held-bytes", "address space of the store that they are in", CellKind::kBytes}};
}

Reply ShowBuffers(const Switch& s) {
  Table table{.columns = BufferColumns()};
  for (const auto& worker : s.workers()) {
    const HeldPackets* const held = worker->graph().held_packets();
    std::vector<Cell>& row = table.rows.emplace_back();
    for (const uint64_t number :
         {uint64_t{worker->id().value()}, uint64_t{worker->pool_size()},
          worker->counters().most_packets.value(),
          uint64_t{worker->pool_size() * sizeof(PacketSlot)}, held == nullptr ? 0 : held->held(),
          held == nullptr ? 0 : held->most_held(), uint64_t{held == nullptr ? 0 : held->size()},
          uint64_t{held == nullptr ? 0 : held->bytes()}}) {
      row.emplace_back(number);
    }
  }
  return table;
}

std::vector<Column> MemoryColumns() {
  return {{"memory", "whose it is"},
          {"used", "bytes in use", CellKind::kBytes},
          {"total", "bytes taken from the system for it", CellKind::kBytes},
          {"help", "what it is for"}};
}

Reply ShowMemory() {
  Table table{.columns = MemoryColumns()};
  const struct mallinfo2 heap = mallinfo2();
  table.rows.push_back({"heap", uint64_t{heap.uordblks + heap.hblkhd},
                        uint64_t{heap.arena + heap.hblkhd},
                        "weftd's own: ports, tables, counters, the shell"});
  for (unsigned i = 0; i < rte_socket_count(); ++i) {
    const int socket = rte_socket_id_by_idx(i);
    rte_malloc_socket_stats stats{};
    if (rte_malloc_get_socket_stats(socket, &stats) != 0) continue;
    table.rows.push_back({Cat("dpdk-", socket), uint64_t{stats.heap_allocsz_bytes},
                          uint64_t{stats.heap_totalsz_bytes},
                          Cat("DPDK's on NUMA node ", socket, ": packets, NIC queues")});
  }
  return table;
}

constexpr double kMedian = 0.5, kP99 = 0.99, kP999 = 0.999;

std::vector<Column> LatencyColumns() {
  return {{"port", "packets to this port"},
          {"packets", "how many", CellKind::kCounter},
          {"p50-us", "half of them took less", CellKind::kDecimal},
          {"p99-us", "99 of 100 took less", CellKind::kDecimal},
          {"p99.9-us", "999 of 1,000 took less", CellKind::kDecimal}};
}

std::vector<Column> HistogramColumns() {
  return {{"from-us", "packets that took so long", CellKind::kDecimal},
          {"to-us", "and less than so long", CellKind::kDecimal},
          {"packets", "how many", CellKind::kCounter},
          {"share", "of all to this port", CellKind::kPercent}};
}

Table Histogram(const LatencyTotals& totals) {
  Table table{.columns = HistogramColumns(), .if_empty = "no packet has gone there yet"};
  const uint64_t all = totals.count();
  for (size_t i = 0; i < totals.packets.size(); ++i) {
    if (totals.packets[i] == 0) continue;
    table.rows.push_back({i == 0 ? 0.0 : Microseconds(LatencyHistogram::EndOf(i - 1)),
                          Microseconds(LatencyHistogram::EndOf(i)), totals.packets[i],
                          Percent(totals.packets[i], all)});
  }
  return table;
}

absl::StatusOr<Reply> ShowLatency(const Switch& s, std::string_view only) {
  Table table{.columns = LatencyColumns(), .if_empty = "no ports"};
  for (const auto& port : s.ports().ports()) {
    const LatencyTotals totals = s.stats().Latency(port->id);
    if (port->name == only) return Histogram(totals);
    const uint64_t count = totals.count();
    const auto took = [&](double share) {
      return count == 0 ? Cell() : Cell(Microseconds(totals.Quantile(share)));
    };
    table.rows.push_back({port->name, count, took(kMedian), took(kP99), took(kP999)});
  }
  if (!only.empty()) return NoSuchPort(s, only);
  return table;
}

}  // namespace

absl::Status AddWorkerCommands(Switch& s, CommandTable& commands) {
  std::vector<Command> table;
  table.push_back(
      {.words = "show workers",
       .help = "The workers: their cores, ports, and how busy they are",
       .shape = Shape::Rows(WorkerColumns()),
       .run = [&s](const Arguments&) -> absl::StatusOr<Reply> { return ShowWorkers(s); }});
  table.push_back(
      {.words = "show vectors",
       .help = "How many packets came in at a time: a histogram for each worker",
       .shape = Shape::Rows(VectorColumns()),
       .run = [&s](const Arguments&) -> absl::StatusOr<Reply> { return ShowVectors(s); }});
  table.push_back(
      {.words = "show buffers",
       .help = "The packets that workers have, and the most that were in use",
       .shape = Shape::Rows(BufferColumns()),
       .run = [&s](const Arguments&) -> absl::StatusOr<Reply> { return ShowBuffers(s); }});
  table.push_back({.words = "show memory",
                   .help = "Where memory is: weftd's own, and DPDK's",
                   .shape = Shape::Rows(MemoryColumns()),
                   .run = [](const Arguments&) -> absl::StatusOr<Reply> { return ShowMemory(); }});
  table.push_back({.words = "show latency",
                   .arguments = {{.name = "port",
                                  .help = "of this port alone, as a histogram",
                                  .optional = true,
                                  .keyword = true,
                                  .value = "port"}},
                   .help =
                       "How long packets were in the switch, from before their descriptors were "
                       "read until the receiver could see them",
                   .shape = Shape::OneOf({{"without port", Shape::Rows(LatencyColumns())},
                                          {"with port", Shape::Rows(HistogramColumns())}}),
                   .run = [&s](const Arguments& a) { return ShowLatency(s, a.Text("port")); }});
  table.push_back({.words = "clear counters",
                   .help = "Counts, drops, latencies and longest rounds begin at 0 again",
                   .shape = Shape::Text("nothing"),
                   .run = [&s](const Arguments&) -> absl::StatusOr<Reply> {
                     s.ClearCounters();
                     return Reply(std::string());
                   }});
  for (Command& command : table) {
    if (absl::Status status = commands.Add(std::move(command), "core"); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace weft
