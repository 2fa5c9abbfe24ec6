// SPDX-License-Identifier: Apache-2.0
#include "core/trace/watcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/trace/trace_book.h"
#include "tests/support/graph_harness.h"

namespace weft {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using testing::GraphHarness;
using ::testing::IsEmpty;

Bytes FrameOf(uint8_t number, size_t length = 60) {
  Bytes frame(length, number);
  frame[12] = 0x08;
  frame[13] = 0x00;
  return frame;
}

class WatcherTest : public ::testing::Test {
 protected:
  WatcherTest() {
    harness_.AddStandIns();
    harness_.Wire({{.port = PortId(0)}, {.port = PortId(1)}, {.port = PortId(2)}});
    watcher_.AddGraph(harness_.graph());
  }

  NodeId Node(std::string_view name) { return harness_.catalog().Find(name)->id; }
  // The traced packets since last time, by their in-port, once for each of their steps at `node`.
  std::vector<int> TracedAt(std::string_view node) {
    std::vector<int> ports;
    TraceStep step;
    while (harness_.graph().trace_ring().Pop(step)) {
      if (step.node == Node(node)) ports.push_back(step.in_port.value());
    }
    return ports;
  }

  GraphHarness harness_;
  Watcher watcher_{harness_.rcu()};
};

TEST_F(WatcherTest, TracesSoManyPackets) {
  watcher_.Trace({.node = Node("memory-input"), .count = 2});
  for (uint8_t i = 0; i < 5; ++i) harness_.Inject(PortId(0), FrameOf(i));
  harness_.Run();
  EXPECT_THAT(TracedAt("memory-output"), ElementsAre(0, 0));
  watcher_.Trace({.node = Node("memory-output"), .count = 1});
  harness_.Inject(PortId(1), FrameOf(7));
  harness_.Inject(PortId(1), FrameOf(8));
  harness_.Run();
  EXPECT_THAT(TracedAt("memory-output"), ElementsAre(1)) << "another request counts anew";
}

TEST_F(WatcherTest, TracesNoneOnceItStopped) {
  watcher_.Trace({.node = Node("memory-input"), .count = 2});
  watcher_.StopTraces();
  harness_.Inject(PortId(0), FrameOf(1));
  harness_.Run();
  EXPECT_THAT(TracedAt("memory-output"), IsEmpty());
}

TEST_F(WatcherTest, TracesThoseOfAPort) {
  watcher_.Trace({.node = Node("memory-input"), .count = 10, .port = PortId(2)});
  for (const uint16_t port : std::vector<uint16_t>{0, 2, 1, 2})
    harness_.Inject(PortId(port), FrameOf(1));
  harness_.Run();
  EXPECT_THAT(TracedAt("memory-output"), ElementsAre(2, 2));
  watcher_.Trace({.node = Node("memory-output"), .count = 10, .port = PortId(1)});
  for (const uint16_t port : std::vector<uint16_t>{0, 1, 2})
    harness_.Inject(PortId(port), FrameOf(1));
  harness_.Run();
  EXPECT_THAT(TracedAt("memory-output"), ElementsAre(0, 1)) << "to it and from it";
}

TEST_F(WatcherTest, TracesThoseThatPassAFilter) {
  // The byte is in the payload, which is borrowed.
  const auto filter = *PacketFilter::Compile("ether[200] = 5");
  watcher_.Trace({.node = Node("memory-input"), .count = 2, .filter = filter});
  for (const uint8_t i : std::vector<uint8_t>{4, 5, 6, 5, 5})
    harness_.Inject(PortId(0), FrameOf(i, 300));
  harness_.Inject(PortId(1), FrameOf(5, 200));  // too short
  harness_.Run();
  EXPECT_THAT(TracedAt("memory-output"), ElementsAre(0, 0));
}

// Takes all steps at some nodes.
std::shared_ptr<CaptureTap> Tap(std::initializer_list<NodeId> nodes, CaptureRule rule,
                                size_t ring = 1 << 16) {
  for (const NodeId node : nodes) rule.nodes[node.value()].verdicts.set();
  return std::make_shared<CaptureTap>(std::make_shared<const CaptureRule>(std::move(rule)),
                                      std::make_shared<CaptureBudget>(), ring);
}

CaptureRule Rule(uint32_t snap_length) {
  CaptureRule rule;
  rule.snap_length = snap_length;
  rule.max_packets = rule.max_bytes = 1'000'000;
  return rule;
}

std::vector<Bytes> Taken(CaptureTap& tap) {
  std::vector<Bytes> frames;
  CapturedStep step;
  std::vector<uint8_t> bytes;
  while (tap.ring().Pop(step, bytes)) frames.push_back(bytes);
  return frames;
}

TEST_F(WatcherTest, CapturesTheBytesThatTravel) {
  const auto whole = Tap({Node("memory-output")}, Rule(kMaxSnapLength));
  const auto some = Tap({Node("memory-input"), Node("memory-output")}, Rule(20));
  watcher_.AddTaps({whole});
  watcher_.AddTaps({some});
  harness_.Inject(PortId(0), FrameOf(1, 1500));
  harness_.Inject(PortId(1), FrameOf(2, 60));
  harness_.Run();
  EXPECT_THAT(Taken(*whole), ElementsAre(FrameOf(1, 1500), FrameOf(2, 60)));
  const Bytes one = Bytes(FrameOf(1, 20)), two = Bytes(FrameOf(2, 20));
  EXPECT_THAT(Taken(*some), ElementsAre(one, two, one, two));
  EXPECT_THAT(TracedAt("memory-output"), IsEmpty()) << "a captured packet is not a traced one";
  bool gone = false;
  watcher_.RemoveTaps({whole}, [&gone] { gone = true; });
  watcher_.RemoveTaps({some}, [] {});
  harness_.rcu().Poll();
  EXPECT_TRUE(gone);
  harness_.Inject(PortId(0), FrameOf(1, 1500));
  harness_.Run();
  EXPECT_THAT(Taken(*whole), IsEmpty());
}

TEST_F(WatcherTest, CapturesAndTracesAtOnce) {
  const auto tap = Tap({Node("memory-output")}, Rule(14));
  watcher_.AddTaps({tap});
  watcher_.Trace({.node = Node("memory-input"), .count = 1});
  for (uint8_t i = 0; i < 3; ++i) harness_.Inject(PortId(0), FrameOf(i));
  harness_.Run();
  EXPECT_THAT(TracedAt("memory-output"), ElementsAre(0));
  EXPECT_EQ(Taken(*tap).size(), 3U);
}

TEST_F(WatcherTest, CapturesDropsByVerdict) {
  harness_.memory().full[PortId(1)] = true;
  CaptureRule rule = Rule(14);
  rule.nodes[Node("memory-output").value()].verdicts.set(kFirstDrop);
  const auto tap = Tap({}, std::move(rule));
  watcher_.AddTaps({tap});
  harness_.Inject(PortId(0), FrameOf(1));  // to the full port
  harness_.Inject(PortId(1), FrameOf(2));
  harness_.Run();
  EXPECT_THAT(Taken(*tap), ElementsAre(FrameOf(1, 14)));
  EXPECT_EQ(harness_.DroppedTotal(), 1U);
}

TEST_F(WatcherTest, CapturesOneSideOfAPort) {
  using Side = CaptureRule::Side;
  for (const auto& [side, in_ports] : std::initializer_list<std::pair<Side, std::vector<int>>>{
           {Side::kIn, {1}}, {Side::kOut, {0}}, {Side::kEither, {0, 1}}}) {
    CaptureRule rule = Rule(14);
    rule.port = PortId(1);
    rule.nodes[Node("memory-output").value()].side = side;
    const auto tap = Tap({Node("memory-output")}, std::move(rule));
    watcher_.AddTaps({tap});
    for (const uint16_t port : std::vector<uint16_t>{0, 1, 2})
      harness_.Inject(PortId(port), FrameOf(static_cast<uint8_t>(port)));
    harness_.Run();
    std::vector<int> found;
    for (const Bytes& frame : Taken(*tap)) found.push_back(frame[0]);
    EXPECT_EQ(found, in_ports);
    watcher_.RemoveTaps({tap}, [] {});
  }
}

TEST_F(WatcherTest, EndsAtItsLimits) {
  CaptureRule few = Rule(14);
  few.max_packets = 2;
  CaptureRule little = Rule(14);
  little.max_bytes = 30;
  CaptureRule filtered = Rule(14);
  filtered.filter = *PacketFilter::Compile("ether[100] = 3");
  const auto by_count = Tap({Node("memory-output")}, std::move(few));
  const auto by_bytes = Tap({Node("memory-output")}, std::move(little));
  const auto by_filter = Tap({Node("memory-output")}, std::move(filtered));
  for (const auto& tap : {by_count, by_bytes, by_filter}) watcher_.AddTaps({tap});
  for (uint8_t i = 0; i < 5; ++i) harness_.Inject(PortId(0), FrameOf(i, 300));
  harness_.Run();
  EXPECT_EQ(Taken(*by_count).size(), 2U);
  EXPECT_EQ(Taken(*by_bytes).size(), 3U) << "the one that reaches the limit is the last";
  EXPECT_THAT(Taken(*by_filter), ElementsAre(FrameOf(3, 14)));
  EXPECT_EQ(by_count->lost.value() + by_bytes->lost.value() + by_filter->lost.value(), 0U);
}

TEST_F(WatcherTest, CountsWhatFindsTheRingFull) {
  const auto tap = Tap({Node("memory-output")}, Rule(100), 1024);
  watcher_.AddTaps({tap});
  for (uint8_t i = 0; i < 20; ++i) harness_.Inject(PortId(0), FrameOf(i, 100));
  harness_.Run();
  const size_t taken = Taken(*tap).size();
  EXPECT_GT(taken, 0U);
  EXPECT_EQ(taken + tap->lost.value(), 20U);
  harness_.Inject(PortId(0), FrameOf(99, 100));
  harness_.Run();
  EXPECT_THAT(Taken(*tap), ElementsAre(FrameOf(99, 100)))
      << "and it goes on, around the ring's end";
}

}  // namespace
}  // namespace weft
