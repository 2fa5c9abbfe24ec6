// SPDX-License-Identifier: Apache-2.0
// What every node keeps to, whatever it does: each packet leaves once, or is a drop with a name, in
// order, and the dispatch ends with nothing left. The nodes are those of the real catalog, so a new
// one is tested by being there. See NodeStage for how it gets on stage.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "tests/graph/node_stage.h"

namespace weft::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;

constexpr char kKebab[] = "[a-z][a-z0-9]*(-[a-z0-9]+)*";

std::vector<NodeClass> AllNodes(const std::vector<std::unique_ptr<Plugin>>& plugins) {
  Rcu rcu;
  std::vector<NodeClass> nodes = EveryModule(rcu, plugins).catalog().nodes();
  // Those are nothing without nodes that keep packets: tests/core/graph/held_nodes_test.cc.
  std::erase_if(nodes, [](const NodeClass& node) { return node.spec.returns_kept; });
  for (NodeClass& node : nodes) node.make = nullptr;  // its module is gone
  return nodes;
}

// Runs `check` with each node on a stage of its own. There are no NICs without EAL, and no kernel's
// or plugin's containers: their nodes are on stage without anybody, and the rooms' own tests, with
// tests/nodes/nic/eal, have the rest.
void ForEveryNode(const std::function<void(NodeStage&)>& check) {
  const std::vector<std::unique_ptr<Plugin>> plugins = LoadPlugins();  // names are in their memory
  for (const NodeClass& node : AllNodes(plugins)) {
    SCOPED_TRACE(Cat("node ", node.spec.name));
    ASSERT_TRUE(SurroundingsOf(node)) << "say in SurroundingsOf how it gets its frames";
    NodeStage stage(node.spec.name);
    check(stage);
  }
}

bool IsAlone(const NodeStage& stage) {
  return SurroundingsOf(stage.node()) == Surroundings::kNobody;
}
bool IsInput(const NodeStage& stage) { return stage.node().kind == NodeKind::kInput; }

// Frame number `i` from host 0 to host 1, on its way to port 1.
Item PlainItem(uint16_t i, size_t size = 60) {
  const auto number = static_cast<uint16_t>(kFirstNumber + i);
  return {.number = number,
          .in_port = PortId(0),
          .frame = FrameTo(NodeStage::Host(1))
                       .From(NodeStage::Host(0))
                       .Type(number)
                       .Seed(i)
                       .Size(size)
                       .Build(),
          .out_port = PortId(1),
          .out_group = GroupId(0)};
}

// A frame as chance has it: any port, known, unknown, group, reserved and forged addresses, ways
// out that are there and some that are not.
class Chance {
 public:
  explicit Chance(uint32_t seed) : state_(seed) {}

  Item Next(uint16_t i) {
    const auto number = static_cast<uint16_t>(kFirstNumber + i);
    const PortId in(Below(NodeStage::kPorts));
    const MacAddress own = NodeStage::Host(in.value());
    const MacAddress sources[] = {
        own, own, own, own, MacNumber(0x20U + Below(3)), MacAddress(), Mac("01:00:5e:00:00:01")};
    const MacAddress destinations[] = {NodeStage::Host(Below(4)), NodeStage::Host(Below(4)),
                                       MacNumber(0x30),           Mac("ff:ff:ff:ff:ff:ff"),
                                       Mac("01:80:c2:00:00:0e"),  own};
    const PortId ways[] = {PortId(Below(4)),      PortId(Below(4)),  PortId(Below(4)), PortId(5),
                           PortId(kMaxPorts - 1), PortId(kMaxPorts), PortId()};
    const GroupId groups[] = {GroupId(0),           GroupId(0),
                              GroupId(7),           GroupId(kMaxBridges - 1),
                              GroupId(kMaxBridges), GroupId()};
    return {.number = number,
            .in_port = in,
            .frame = FrameTo(Pick(destinations))
                         .From(Pick(sources))
                         .Type(number)
                         .Seed(i)
                         .Size(14U + Below(200))
                         .Build(),
            .out_port = Pick(ways),
            .out_group = Pick(groups),
            .header_length = 14U + Below(Packet::kMaxHeader - 13)};
  }

 private:
  uint16_t Below(uint32_t limit) {
    state_ = state_ * 1664525 + 1013904223;
    return static_cast<uint16_t>((state_ >> 8) % limit);
  }
  template <typename T, size_t N>
  T Pick(const T (&choices)[N]) {
    return choices[Below(N)];
  }

  uint32_t state_;
};

// Nothing leaked, nothing came twice, what arrived is what was put in.
void ExpectConserved(NodeStage& stage, uint64_t put) {
  EXPECT_EQ(put + stage.Clones(), stage.arrivals().size() + stage.DroppedTotal())
      << "packets in and packets made are packets out and packets dropped";
  EXPECT_EQ(stage.pool().taken(), 0U);
  std::map<std::pair<uint16_t, PortId>, int> seen;
  for (const Arrival& arrival : stage.arrivals()) {
    const PortId copy = stage.Clones() == 0 ? PortId() : arrival.out_port;
    EXPECT_EQ(++seen[std::make_pair(arrival.number, copy)], 1) << "number " << arrival.number;
  }
}

void ExpectInOrder(const NodeStage& stage) {
  std::map<std::tuple<std::string, PortId, PortId>, uint16_t> last;
  for (const Arrival& arrival : stage.arrivals()) {
    // Where ports have ways of their own (inputs, arcs, copies) each flow has its order.
    const bool one_way = stage.node().kind == NodeKind::kPlain && stage.Clones() == 0;
    const PortId flow = one_way ? PortId() : arrival.in_port;
    uint16_t& before = last[{arrival.exit, flow, arrival.out_port}];
    EXPECT_LT(before, arrival.number) << "to " << arrival.exit;
    before = arrival.number;
  }
}

void ExpectIntact(NodeStage& stage, const std::map<uint16_t, Bytes>& frames) {
  for (const Arrival& arrival : stage.arrivals()) {
    EXPECT_EQ(arrival.frame, frames.at(arrival.number)) << "number " << arrival.number;
  }
}

TEST(EveryNode, IncludesThoseOfPlugins) {
  const std::vector<std::unique_ptr<Plugin>> plugins = LoadPlugins();
  EXPECT_THAT(plugins, Not(IsEmpty()));
  Rcu rcu;
  const EveryModule all(rcu, plugins);
  for (const std::unique_ptr<Plugin>& plugin : plugins) {
    EXPECT_THAT(plugin->info().nodes, Not(IsEmpty())) << plugin->info().name;
    for (const std::string& node : plugin->info().nodes) {
      EXPECT_NE(all.catalog().Find(node), nullptr) << node;
    }
  }
}

void ExpectLabels(std::span<const LabelText> labels, const char* kind) {
  std::set<std::string_view> names;
  for (const LabelText& label : labels) {
    EXPECT_THAT(std::string(label.name), MatchesRegex(kKebab)) << kind;
    EXPECT_THAT(std::string(label.help), Not(IsEmpty())) << kind << " " << label.name;
    EXPECT_TRUE(names.insert(label.name).second) << kind << " " << label.name << " twice";
  }
}

TEST(EveryNode, SaysWhatItIs) {
  ForEveryNode([](NodeStage& stage) {
    const NodeClass& node = stage.node();
    EXPECT_THAT(std::string(node.spec.name), MatchesRegex(kKebab));
    EXPECT_THAT(std::string(node.spec.help), MatchesRegex("[A-Z].*\\.")) << "a sentence";
    ExpectLabels(node.drops, "drop");
    ExpectLabels(node.counters, "counter");
    for (const LabelText& next : node.nexts) EXPECT_FALSE(next.help.empty()) << next.name;
    for (const TraceField& field : node.trace) {
      EXPECT_THAT(std::string(field.name), MatchesRegex(kKebab));
      EXPECT_NE(field.format, nullptr) << field.name;
    }
  });
}

TEST(EveryNode, TakesFramesOfAnySize) {
  for (const unsigned count : {0U, 1U, 2U, 255U, 256U}) {
    SCOPED_TRACE(Cat(count, " packets"));
    ForEveryNode([count](NodeStage& stage) {
      const unsigned put = IsAlone(stage) && IsInput(stage) ? 0 : count;
      std::map<uint16_t, Bytes> frames;
      for (uint16_t i = 0; i < put; ++i) {
        Item item = PlainItem(i);
        frames[item.number] = item.frame;
        stage.Put(std::move(item));
      }
      stage.Dispatch();
      EXPECT_EQ(stage.node_counters().calls.value(), put == 0 ? 0U : 1U);
      EXPECT_EQ(stage.node_counters().packets.value(), put);
      ExpectConserved(stage, put);
      ExpectInOrder(stage);
      ExpectIntact(stage, frames);
    });
  }
}

TEST(EveryNode, TakesTheShortestAndTheLongestFrames) {
  ForEveryNode([](NodeStage& stage) {
    if (IsAlone(stage) && IsInput(stage)) return;
    std::map<uint16_t, Bytes> frames;
    uint16_t i = 0;
    for (const size_t size : {14U, 15U, 17U, 18U, 59U, 60U, 64U, 116U, 117U, 1514U, 9216U}) {
      Item item = PlainItem(i++, size);
      frames[item.number] = item.frame;
      stage.Put(std::move(item));
    }
    stage.Dispatch();
    ExpectConserved(stage, i);
    ExpectInOrder(stage);
    ExpectIntact(stage, frames);
  });
}

TEST(EveryNode, InputsDropRunts) {
  ForEveryNode([](NodeStage& stage) {
    if (!IsInput(stage) || IsAlone(stage)) return;
    uint16_t i = 0;
    for (const size_t size : {0U, 1U, 13U}) {
      Item item = PlainItem(i++);
      item.frame.resize(size);
      stage.Put(std::move(item));
    }
    stage.Put(PlainItem(i++));
    stage.Dispatch();
    ExpectConserved(stage, i);
    EXPECT_EQ(stage.arrivals().size(), 1U);
    EXPECT_EQ((stage.Drops()[{0, stage.name(), "runt"}]), 3U);
  });
}

// Puts `count` frames in, a vector at a time. Returns them by number.
std::map<uint16_t, Bytes> PutAtRandom(NodeStage& stage, uint32_t seed, uint16_t count,
                                      uint16_t vector) {
  Chance chance(seed);
  std::map<uint16_t, Bytes> frames;
  for (uint16_t i = 0; i < count;) {
    for (uint16_t end = static_cast<uint16_t>(i + vector); i < end && i < count; ++i) {
      Item item = chance.Next(i);
      // Only ports that have a container can send.
      if (IsInput(stage)) item.in_port = PortId(static_cast<uint16_t>(item.in_port.value() % 3));
      frames[item.number] = item.frame;
      stage.Put(std::move(item));
    }
    stage.Dispatch();
    EXPECT_EQ(stage.pool().taken(), 0U);
  }
  return frames;
}

TEST(EveryNode, ConservesWhateverTheVerdicts) {
  for (const uint32_t seed : {1U, 2U, 3U}) {
    SCOPED_TRACE(Cat("seed ", seed));
    ForEveryNode([seed](NodeStage& stage) {
      if (IsAlone(stage) && IsInput(stage)) return;
      constexpr uint16_t kCount = 1000;
      const std::map<uint16_t, Bytes> frames = PutAtRandom(stage, seed, kCount, 200);
      ExpectConserved(stage, kCount);
      ExpectInOrder(stage);
      ExpectIntact(stage, frames);
      // The frames are such that a node that can decide in two ways does. A mirror lets everything
      // pass: what it may drop are copies. What no stream has made is all the same to
      // generator-enter.
      const bool decides = !stage.node().spec.name.ends_with("-mirror") &&
                           stage.node().spec.name != "generator-enter";
      std::set<std::string> outcomes;
      for (const Arrival& arrival : stage.arrivals()) outcomes.insert(arrival.exit);
      for (const auto& [key, packets] : stage.Drops()) outcomes.insert(std::get<2>(key));
      const size_t ways = stage.node().nexts.size() + stage.node().drops.size();
      if (decides && !IsAlone(stage) && !IsInput(stage)) {
        EXPECT_GE(outcomes.size(), std::min<size_t>(ways, 2));
      }
    });
  }
}

TEST(EveryNode, TakesPortsThatAreNotThere) {
  ForEveryNode([](NodeStage& stage) {
    if (IsInput(stage)) return;  // says itself where its packets come from
    uint16_t i = 0;
    for (const PortId in : {PortId(0), PortId(9), PortId(kMaxPorts - 1)}) {
      for (const PortId out : {PortId(1), PortId(9), PortId(kMaxPorts - 1), PortId(kMaxPorts),
                               PortId(kMaxPorts + 1), PortId()}) {
        for (const GroupId group : {GroupId(0), GroupId(9), GroupId(kMaxBridges), GroupId()}) {
          Item item = PlainItem(i++);
          item.in_port = in;
          item.out_port = out;
          item.out_group = group;
          stage.Put(std::move(item));
        }
      }
    }
    stage.Dispatch();
    ExpectConserved(stage, i);
  });
}

TEST(EveryNode, DoesTheSameWithATracedFrame) {
  const std::vector<std::unique_ptr<Plugin>> plugins = LoadPlugins();  // names are in their memory
  for (const NodeClass& node : AllNodes(plugins)) {
    if (SurroundingsOf(node) == Surroundings::kNobody && node.kind == NodeKind::kInput) continue;
    SCOPED_TRACE(Cat("node ", node.spec.name));
    NodeStage plain(node.spec.name);
    NodeStage traced(node.spec.name);
    traced.TraceAll();
    for (NodeStage* stage : {&plain, &traced}) PutAtRandom(*stage, 4, 300, 100);
    ExpectConserved(traced, 300);
    EXPECT_EQ(traced.arrivals(), plain.arrivals());
    EXPECT_EQ(traced.Drops(), plain.Drops());
    EXPECT_EQ(traced.Events(), plain.Events());
    EXPECT_EQ(traced.node_counters().packets.value(), plain.node_counters().packets.value());
    for (uint16_t port = 0; port < NodeStage::kPorts; ++port) {
      EXPECT_EQ(traced.port_counters(port).tx_packets.value(),
                plain.port_counters(port).tx_packets.value());
      EXPECT_EQ(traced.port_counters(port).tx_bytes.value(),
                plain.port_counters(port).tx_bytes.value());
    }
  }
}

TEST(EveryNode, LeavesOneStepForEachTracedPacket) {
  ForEveryNode([](NodeStage& stage) {
    if (IsAlone(stage) && IsInput(stage)) return;
    stage.TraceAll();
    PutAtRandom(stage, 5, 64, 64);
    const NodeClass& node = stage.node();
    size_t steps = 0;
    for (const TraceStep& step : stage.TakeSteps()) {
      if (step.node != node.id) continue;
      ++steps;
      EXPECT_NE(step.trace, 0);
      const bool named = IsDrop(step.verdict)
                             ? size_t{step.verdict} - kFirstDrop < node.drops.size()
                         : IsNext(step.verdict) ? step.verdict < node.nexts.size()
                         : step.verdict == kContinue
                             ? node.kind == NodeKind::kFeature || node.kind == NodeKind::kArcEntry
                             : true;
      EXPECT_TRUE(named) << "verdict " << int{step.verdict};
      for (const TraceField& field : node.trace) {
        EXPECT_FALSE(field.format(step.record.data()).empty()) << field.name;
      }
    }
    EXPECT_EQ(steps, stage.node_counters().packets.value());
    EXPECT_EQ(stage.graph().trace_ring().lost.value(), 0U);
  });
}

}  // namespace
}  // namespace weft::testing
