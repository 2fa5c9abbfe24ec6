// SPDX-License-Identifier: Apache-2.0
// A graph goes from one plan to another between two rounds: nodes that stay keep their object,
// those that go are not touched any more, and no packet notices.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "core/base/text.h"
#include "tests/support/graph_harness.h"

namespace weft {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using testing::FrameTo;
using testing::GraphHarness;
using testing::MacNumber;
using testing::MemoryInput;
using testing::PairSwitch;

// A feature that counts its objects and its packets.
class Visitor final : public Feature<Visitor> {
 public:
  static constexpr NodeSpec kSpec{.name = "visitor", .arc = "port-input", .help = "Counts."};
  enum class Drop : uint8_t { kNever };
  static constexpr auto kDrops = Labels<Drop>({{Drop::kNever, "never", "it drops nothing"}});
  Visitor(int& alive, int& packets) : alive_(alive), packets_(packets) { ++alive_; }
  ~Visitor() override { --alive_; }
  void Process(Frame& frame) {
    ForEach(frame, [this](Packet&) -> Verdict {
      ++packets_;
      return Continue();
    });
  }

 private:
  int& alive_;
  int& packets_;
};

class GraphChangeTest : public ::testing::Test {
 protected:
  GraphChangeTest() {
    harness_.AddStandIns();
    harness_.Wire({{.port = PortId(0)}, {.port = PortId(1)}});
  }
  void AddVisitor() { harness_.Add<Visitor>(std::ref(alive_), std::ref(packets_)); }
  // Publishes the plan of the catalog as it is now; what was there before is the result.
  Graph::Change Change(const std::vector<std::string>& features) {
    const auto plan = GraphPlan::Build(harness_.catalog());
    EXPECT_TRUE(plan.ok()) << plan.status();
    Graph::Change change = harness_.graph().Prepare(*plan);
    auto layouts = std::make_shared<Layouts>();
    layouts->push_back(std::move(change.layout));
    std::vector<PortWiring> wirings;
    for (uint16_t i = 0; i < 2; ++i) {
      PortWiring wiring{.port = PortId(i), .output = "memory-output"};
      for (const std::string& feature : features)
        wiring.features.push_back({feature, std::make_shared<int>()});
      wirings.push_back(std::move(wiring));
    }
    auto tables = ArcTables::Build(**plan, wirings, layouts);
    EXPECT_TRUE(tables.ok()) << tables.status();
    Graph::Change before = harness_.graph().Adopt(std::move(change));
    harness_.Publish(*std::move(tables));
    return before;
  }
  void Send() { harness_.Inject(PortId(0), FrameTo(MacNumber(1)).Build()); }

  int alive_ = 0, packets_ = 0;
  GraphHarness harness_;
};

TEST_F(GraphChangeTest, ANodeComesAndGoes) {
  const NodeBase* const input = &harness_.Get<MemoryInput>();
  const NodeBase* const pair = &harness_.Get<PairSwitch>();
  for (int turn = 0; turn < 3; ++turn) {
    AddVisitor();
    Change({"visitor"});
    EXPECT_EQ(alive_, 1);
    EXPECT_EQ(&harness_.Get<MemoryInput>(), input) << "nodes that stay are the same objects";
    EXPECT_EQ(&harness_.Get<PairSwitch>(), pair);
    Send();
    EXPECT_EQ(harness_.Run(), 1U);
    EXPECT_EQ(packets_, turn + 1);

    harness_.catalog().Remove("visitor");
    // The worker still has its old layout when the object is destroyed, as after a grace period.
    Change({});
    EXPECT_EQ(alive_, 0);
    Send();
    EXPECT_EQ(harness_.Run(), 1U);
    EXPECT_EQ(packets_, turn + 1);
  }
  EXPECT_EQ(harness_.SentTotal(), 6U);
  EXPECT_EQ(harness_.DroppedTotal(), 0U);
}

TEST_F(GraphChangeTest, SkipsPlansThatItNeverSaw) {
  for (int turn = 0; turn < 5; ++turn) {
    AddVisitor();
    Change({"visitor"});
    harness_.catalog().Remove("visitor");
    Change({});
  }
  AddVisitor();
  Change({"visitor"});
  EXPECT_EQ(alive_, 1);
  Send();
  EXPECT_EQ(harness_.Run(), 1U);
  EXPECT_EQ(packets_, 1);
  EXPECT_EQ(harness_.SentTotal(), 1U);
}

TEST_F(GraphChangeTest, LooksForAnotherPlanBeforeItSleepsAndAfterIt) {
  AddVisitor();
  const Graph::Change before = Change({"visitor"});
  EXPECT_FALSE(harness_.graph().CanSleep()) << "memory-input cannot be woken";
  harness_.catalog().Remove("visitor");
  Change({});
  harness_.graph().Wake();
  Send();
  EXPECT_EQ(harness_.Run(), 1U);
  EXPECT_EQ(packets_, 0);
}

TEST_F(GraphChangeTest, AConstructorThatThrowsChangesNothing) {
  NodeClass bad = NodeClassOf<Visitor>(
      [](WorkerId) -> std::unique_ptr<NodeBase> { throw std::runtime_error("no table"); });
  ASSERT_TRUE(harness_.catalog().Add(std::move(bad)).ok());
  const auto plan = GraphPlan::Build(harness_.catalog());
  EXPECT_THROW(harness_.graph().Prepare(*plan), std::runtime_error);
  Send();
  EXPECT_EQ(harness_.Run(), 1U);
  EXPECT_EQ(harness_.SentTotal(), 1U);
}

NodeClass Declared(std::string_view name, std::span<const LabelText> drops) {
  NodeClass node;
  node.spec.name = name;
  node.drops = drops;
  return node;
}

constexpr LabelText kOne[] = {{"one", "h"}};
constexpr LabelText kTwo[] = {{"one", "h"}, {"two", "h"}};

TEST(NodeCatalogTest, NumbersStayTakenUntilTheyAreReleased) {
  NodeCatalog catalog;
  ASSERT_TRUE(catalog.Add(Declared("first", kOne)).ok());
  const NodeId second = *catalog.Add(Declared("second", kTwo));
  ASSERT_TRUE(catalog.Add(Declared("third", kOne)).ok());
  EXPECT_EQ(catalog.Find("third")->first_drop, 3U);
  const uint64_t before = catalog.revision();
  catalog.Remove("second");
  EXPECT_EQ(catalog.Find("second"), nullptr);
  EXPECT_EQ(catalog.node(second).spec.name, "gone");
  EXPECT_EQ(catalog.nodes().size(), 2U);

  ASSERT_TRUE(catalog.Add(Declared("fourth", kTwo)).ok());
  EXPECT_EQ(catalog.Find("fourth")->first_drop, 4U) << "workers may still count with 1 and 2";
  const std::vector<RetiredNumbers> retired = catalog.RetiredSince(before);
  ASSERT_EQ(retired.size(), 1U);
  EXPECT_EQ(retired[0].name, "second");
  EXPECT_TRUE(catalog.Release(retired[0]));
  EXPECT_FALSE(catalog.Release(retired[0])) << "once";
  ASSERT_TRUE(catalog.Add(Declared("fifth", kOne)).ok());
  EXPECT_EQ(catalog.Find("fifth")->first_drop, 1U);
  EXPECT_EQ(catalog.drop_count(), 6U);
}

TEST(NodeCatalogTest, WhoComesBackWithTheSameLabelsCountsOn) {
  NodeCatalog catalog;
  ASSERT_TRUE(catalog.Add(Declared("first", kOne)).ok());
  const NodeId id = *catalog.Add(Declared("second", kTwo));
  const uint64_t serial = catalog.Find("second")->serial;
  const uint64_t before = catalog.revision();
  catalog.Remove("second");
  const std::vector<RetiredNumbers> retired = catalog.RetiredSince(before);
  EXPECT_EQ(*catalog.Add(Declared("second", kTwo)), id);
  EXPECT_EQ(catalog.Find("second")->first_drop, 1U);
  EXPECT_NE(catalog.Find("second")->serial, serial);
  EXPECT_TRUE(catalog.RetiredSince(before).empty());
  EXPECT_FALSE(catalog.Release(retired[0])) << "they are in use again";

  catalog.Remove("second");
  EXPECT_NE(*catalog.Add(Declared("second", kOne)), id) << "other labels, other numbers";
  EXPECT_EQ(catalog.Find("second")->first_drop, 3U);
}

TEST(NodeCatalogTest, NumbersNeverRunOut) {
  NodeCatalog catalog;
  ASSERT_TRUE(catalog.Add(Declared("stays", kTwo)).ok());
  for (int i = 0; i < 10'000; ++i) {
    const std::string name = Cat("n", i % 7);
    const uint64_t before = catalog.revision();
    ASSERT_TRUE(catalog.Add(Declared(name, kTwo)).ok()) << i;
    catalog.Remove(name);
    for (const RetiredNumbers& numbers : catalog.RetiredSince(before)) catalog.Release(numbers);
  }
  EXPECT_EQ(catalog.drop_count(), 4U);
}

}  // namespace
}  // namespace weft
