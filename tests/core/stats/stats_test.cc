// SPDX-License-Identifier: Apache-2.0
#include "core/stats/stats.h"

#include <gtest/gtest.h>

#include <array>

namespace weft {
namespace {

constexpr LabelText kDrops[] = {{"runt", "too short"}, {"late", "too late"}};
constexpr LabelText kCounters[] = {{"seen", "packets seen"}};

class StatsTest : public ::testing::Test {
 protected:
  StatsTest() {
    for (const std::string_view name : {"first", "second"}) {
      NodeClass node;
      node.spec.name = name;
      node.drops = kDrops;
      node.counters = kCounters;
      EXPECT_TRUE(catalog_.Add(node).ok());
    }
    for (uint16_t w = 0; w < 2; ++w) stats_.AddWorker(WorkerId(w), workers_[w]);
  }
  const NodeClass& node(std::string_view name) { return *catalog_.Find(name); }

  NodeCatalog catalog_;
  std::array<WorkerCounters, 2> workers_;
  Stats stats_{catalog_};
};

TEST_F(StatsTest, AddsUpTheWorkers) {
  for (WorkerCounters& worker : workers_) {
    worker.port(PortId(3)).rx_packets.Add(10);
    worker.port(PortId(3)).rx_bytes.Add(600);
    worker.port(PortId(3)).tx_packets.Add(5);
    worker.port(PortId(3)).tx_bytes.Add(300);
    worker.drop(PortId(3), node("second").first_drop + 1).Add(2);
    worker.counter(node("second").first_counter).Add(7);
  }
  const PortTotals totals = stats_.Port(PortId(3));
  EXPECT_EQ(totals.rx_packets, 20U);
  EXPECT_EQ(totals.rx_bytes, 1200U);
  EXPECT_EQ(totals.tx_packets, 10U);
  EXPECT_EQ(totals.tx_bytes, 600U);
  EXPECT_EQ(totals.drops, 4U);
  EXPECT_EQ(stats_.Port(PortId(2)).drops, 0U);
  const std::vector<EventCount> events = stats_.Events();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].count, 0U);
  EXPECT_EQ(events[1].count, 14U);
  EXPECT_EQ(events[1].counter->name, "seen");
}

TEST_F(StatsTest, NamesDropsByPortNodeAndReason) {
  workers_[0].drop(PortId(1), node("first").first_drop).Add(3);
  workers_[1].drop(PortId(1), node("first").first_drop).Add(4);
  workers_[0].drop(PortId(), node("second").first_drop + 1).Add(5);
  workers_[0].drop(PortId(8), node("second").first_drop).Add(6);
  const std::array<PortId, 2> ports = {PortId(0), PortId(1)};
  const std::vector<DropCount> drops = stats_.Drops(ports);
  ASSERT_EQ(drops.size(), 2U) << "nobody asked for port 8";
  EXPECT_EQ(drops[0].port, PortId(1));
  EXPECT_EQ(drops[0].node, node("first").id);
  EXPECT_EQ(drops[0].reason->name, "runt");
  EXPECT_EQ(drops[0].packets, 7U);
  EXPECT_FALSE(drops[1].port.valid()) << "packets of no port have a row of their own";
  EXPECT_EQ(drops[1].reason->name, "late");
  EXPECT_EQ(drops[1].packets, 5U);
}

TEST_F(StatsTest, ANewPortBeginsAtZero) {
  const PortId port(3);
  workers_[0].port(port).rx_packets.Add(10);
  workers_[1].drop(port, node("first").first_drop).Add(2);
  stats_.StartPort(port);
  EXPECT_EQ(stats_.Port(port).rx_packets, 0U);
  EXPECT_EQ(stats_.Port(port).drops, 0U);
  EXPECT_TRUE(stats_.Drops(std::span(&port, 1)).empty());
  workers_[0].port(port).rx_packets.Add(1);
  workers_[0].drop(port, node("first").first_drop).Add(1);
  workers_[0].drop(port, node("first").first_drop + 1).Add(4);
  EXPECT_EQ(stats_.Port(port).rx_packets, 1U);
  EXPECT_EQ(stats_.Port(port).drops, 5U);
  ASSERT_EQ(stats_.Drops(std::span(&port, 1)).size(), 2U);
  EXPECT_EQ(stats_.Drops(std::span(&port, 1))[0].packets, 1U);
}

TEST_F(StatsTest, LeavesOutNodesThatNeverRan) {
  workers_[1].node(node("second").id).calls.Add(2);
  workers_[1].node(node("second").id).packets.Add(300);
  workers_[1].node(node("second").id).cycles.Add(9000);
  const std::vector<NodeTotals> nodes = stats_.Nodes();
  ASSERT_EQ(nodes.size(), 1U);
  EXPECT_EQ(nodes[0].worker, WorkerId(1));
  EXPECT_EQ(nodes[0].node, node("second").id);
  EXPECT_EQ(nodes[0].calls, 2U);
  EXPECT_EQ(nodes[0].packets, 300U);
  EXPECT_EQ(nodes[0].cycles, 9000U);
}

}  // namespace
}  // namespace weft
