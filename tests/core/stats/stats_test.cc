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
    for (uint16_t w = 0; w < 2; ++w) stats_.AddWorker(WorkerId(w), workers_[w], logs_[w]);
  }
  const NodeClass& node(std::string_view name) { return *catalog_.Find(name); }

  NodeCatalog catalog_;
  std::array<WorkerCounters, 2> workers_;
  std::array<DropLog, 2> logs_;
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

TEST_F(StatsTest, ClearsWithoutTheWorkersKnowing) {
  const PortId port(3);
  const NodeClass& first = node("first");
  const auto count = [&] {
    WorkerCounters& worker = workers_[0];
    worker.port(port).tx_packets.Add(10);
    worker.latency(port).Add(1000, 10);
    worker.drop(port, first.first_drop).Add(2);
    worker.drop(PortId(), first.first_drop).Add(3);
    worker.node(first.id).calls.Add(1);
    worker.node(first.id).packets.Add(12);
    worker.counter(first.first_counter).Add(5);
    worker.vectors[4].Add(1);
    worker.dispatches.Add(1);
    logs_[0].Add(port, {.length = 64, .drop = first.first_drop});
  };
  const std::array<PortId, 1> ports = {port};
  count();
  stats_.Clear(ports);
  EXPECT_EQ(stats_.Port(port).tx_packets, 0U);
  EXPECT_EQ(stats_.Latency(port).count(), 0U);
  EXPECT_TRUE(stats_.Drops(ports).empty());
  EXPECT_TRUE(stats_.LastDrops(port, 10).empty());
  EXPECT_TRUE(stats_.Nodes().empty());
  EXPECT_EQ(stats_.Events()[0].count, 0U);
  EXPECT_EQ(stats_.Worker(WorkerId(0)).dispatches, 0U);
  EXPECT_EQ(stats_.Worker(WorkerId(0)).vectors[4], 0U);
  count();
  EXPECT_EQ(stats_.Port(port).tx_packets, 10U);
  EXPECT_EQ(stats_.Latency(port).count(), 10U);
  EXPECT_EQ(stats_.Drops(ports).size(), 2U) << "the port's and those of no port";
  EXPECT_EQ(stats_.LastDrops(port, 10).size(), 1U);
  ASSERT_EQ(stats_.Nodes().size(), 1U);
  EXPECT_EQ(stats_.Nodes()[0].packets, 12U);
  EXPECT_EQ(stats_.Events()[0].count, 5U);
  EXPECT_EQ(stats_.Worker(WorkerId(0)).vectors[4], 1U);
}

TEST_F(StatsTest, AsksForANewLongestRound) {
  WorkerCounters& worker = workers_[0];
  worker.CountRound(500);
  worker.CountRound(200);
  EXPECT_EQ(stats_.Worker(WorkerId(0)).longest_round, 500U);
  stats_.Clear({});
  worker.CountRound(300);
  EXPECT_EQ(stats_.Worker(WorkerId(0)).longest_round, 300U);
}

TEST_F(StatsTest, RatesAreThoseBetweenTwoSamples) {
  const PortId port(3);
  const std::array<PortId, 1> ports = {port};
  PortCounters& counters = workers_[1].port(port);
  counters.rx_packets.Add(7);
  stats_.Sample(ports, std::chrono::seconds(10));
  EXPECT_EQ(stats_.Rates(port).rx_packets, 0) << "one sample is no rate";
  counters.rx_packets.Add(100);
  counters.rx_bytes.Add(6000);
  workers_[0].drop(port, node("first").first_drop).Add(50);
  stats_.Sample(ports, std::chrono::milliseconds(10'500));
  EXPECT_DOUBLE_EQ(stats_.Rates(port).rx_packets, 200);
  EXPECT_DOUBLE_EQ(stats_.Rates(port).rx_bytes, 12'000);
  EXPECT_DOUBLE_EQ(stats_.Rates(port).drops, 100);
  stats_.Sample({}, std::chrono::seconds(12));
  EXPECT_EQ(stats_.Rates(port).rx_packets, 0) << "the port has gone";
}

TEST_F(StatsTest, QuantilesAreRightToAnEighth) {
  const PortId port(3);
  EXPECT_EQ(stats_.Latency(port).Quantile(0.5), 0U);
  LatencyHistogram& histogram = workers_[0].latency(port);
  for (uint64_t cycles = 1; cycles <= 1000; ++cycles) histogram.Add(cycles * 1000, 1);
  for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const double exact = share * 1'000'000;
    const auto found = static_cast<double>(stats_.Latency(port).Quantile(share));
    EXPECT_GE(found, exact) << share;
    EXPECT_LE(found, exact * 1.13) << share;
  }
}

TEST(LatencyHistogram, BucketsFollowEachOther) {
  EXPECT_EQ(LatencyHistogram::BucketOf(0), 0U);
  for (size_t bucket = 0; bucket + 1 < LatencyHistogram::kBuckets; ++bucket) {
    const uint64_t end = LatencyHistogram::EndOf(bucket);
    EXPECT_EQ(LatencyHistogram::BucketOf(end - 1), bucket);
    EXPECT_EQ(LatencyHistogram::BucketOf(end), bucket + 1);
  }
  EXPECT_EQ(LatencyHistogram::BucketOf(~uint64_t{0}), LatencyHistogram::kBuckets - 1);
}

TEST_F(StatsTest, TellsTheLastDropsOfAllWorkersInOrder) {
  const PortId port(3);
  const auto late = static_cast<uint16_t>(node("second").first_drop + 1);
  for (uint64_t i = 0; i < 20; ++i)
    logs_[i % 2].Add(port, {.cycles = i, .length = 60, .drop = late});
  const std::vector<DroppedPacket> packets = stats_.LastDrops(port, 5);
  ASSERT_EQ(packets.size(), 5U);
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(packets[i].cycles, 15 + i);
  EXPECT_EQ(stats_.ReasonOf(packets[0]).node, node("second").id);
  EXPECT_EQ(stats_.ReasonOf(packets[0]).reason->name, "late");
  EXPECT_TRUE(stats_.LastDrops(PortId(4), 5).empty());
}

TEST_F(StatsTest, RatesOfArcsAreThoseBetweenTwoSamples) {
  const NodeId first = node("first").id, second = node("second").id;
  const Time start = std::chrono::seconds(100);
  workers_[0].arcs_from(first)[second.value()].Add(1'000);
  EXPECT_FALSE(stats_.ArcRate(first, second));
  stats_.Sample({}, start);
  EXPECT_FALSE(stats_.ArcRate(first, second)) << "one sample says nothing of a rate";
  for (WorkerCounters& worker : workers_) worker.arcs_from(first)[second.value()].Add(50);
  stats_.Sample({}, start + std::chrono::seconds(2));
  EXPECT_EQ(stats_.ArcRate(first, second), 50.0);
  EXPECT_EQ(stats_.ArcRate(second, first), 0.0);
  stats_.Sample({}, start + std::chrono::seconds(3));
  EXPECT_EQ(stats_.ArcRate(first, second), 0.0);
  EXPECT_FALSE(stats_.ArcRate(NodeId(), first));
}

}  // namespace
}  // namespace weft
