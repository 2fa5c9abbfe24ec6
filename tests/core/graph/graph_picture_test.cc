// SPDX-License-Identifier: Apache-2.0
#include "core/graph/graph_picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "core/base/text.h"
#include "core/graph/graph_layout.h"
#include "tests/support/graph_harness.h"

namespace weft {
namespace {

using testing::FrameTo;
using testing::GraphHarness;
using ::testing::HasSubstr;

constexpr uint64_t kPeer = 0x0200'0000'0002;

size_t Occurrences(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

class GraphPictureTest : public ::testing::Test {
 protected:
  GraphPictureTest() {
    harness_.AddStandIns();
    harness_.Wire({{.port = PortId(0)}, {.port = PortId(1)}});
  }
  const GraphPlan& plan() { return harness_.graph().plan(); }
  const ArcTables& tables() { return *harness_.tables().Load(); }
  uint64_t Count(NodeIndex from, NodeIndex to) {
    const auto id = [this](NodeIndex node) { return plan().nodes()[node.value()].node_class.id; };
    return harness_.counters().arc(id(from), id(to)).value();
  }
  // What the worker counted over each arc.
  ArcLabel Counts() {
    return [this](NodeIndex from, NodeIndex to) {
      const uint64_t packets = Count(from, to);
      return packets == 0 ? std::string() : Cat(packets);
    };
  }
  ArcLabel Nothing() {
    return [](NodeIndex, NodeIndex) { return std::string(); };
  }

  GraphHarness harness_;
};

TEST_F(GraphPictureTest, TextHasWhatIsBesideAnArc) {
  EXPECT_EQ(GraphText(plan(), tables(), Counts()),
            "memory-input  -> pair-switch\n"
            "pair-switch   -> memory-output\n"
            "memory-output\n");
  for (int i = 0; i < 7; ++i) {
    harness_.Inject(PortId(0), FrameTo(MacAddress::FromBits(kPeer)).Build());
  }
  harness_.Run();
  EXPECT_EQ(GraphText(plan(), tables(), Counts()),
            "memory-input  -> pair-switch 7\n"
            "pair-switch   -> memory-output 7\n"
            "memory-output\n");
}

TEST_F(GraphPictureTest, DotAndSvgHaveThemToo) {
  harness_.Inject(PortId(0), FrameTo(MacAddress::FromBits(kPeer)).Build());
  harness_.Run();
  EXPECT_THAT(GraphDot(plan(), tables(), Counts()),
              HasSubstr("\"pair-switch\" -> \"memory-output\" [label=\"1\"];\n"));
  EXPECT_THAT(GraphDot(plan(), tables(), Nothing()),
              HasSubstr("\"pair-switch\" -> \"memory-output\";\n"));
  const std::string svg = GraphSvg(plan(), tables(), Counts());
  EXPECT_EQ(Occurrences(svg, "<title>pair-switch -&gt; memory-output</title>"), 1U);
  EXPECT_EQ(Occurrences(svg, "class=\"arc busy\""), 2U);
  EXPECT_EQ(Occurrences(svg, "class=\"node\""), 3U);
  EXPECT_EQ(Occurrences(GraphSvg(plan(), tables(), Nothing()), "class=\"arc\""), 2U);
}

// Help is whatever its author wrote.
class Quoter final : public Node<Quoter> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "quoter", .arc = "port-input", .last = true, .help = "says \"a < b && c > d\\e\""};
  enum class Next : uint8_t { kPortOutput };
  static constexpr auto kNexts = Labels<Next>({{Next::kPortOutput, "port-output", "all"}});
  void Process(Frame& frame) {
    ForEach(frame, [](Packet&) -> Verdict { return Next::kPortOutput; });
  }
};

TEST(GraphPictureQuoteTest, HelpIsQuoted) {
  GraphHarness harness;
  harness.Add<Quoter>();
  harness.AddStandIns();
  harness.Wire({{.port = PortId(0)}});
  const auto nothing = [](NodeIndex, NodeIndex) { return std::string(); };
  const GraphPlan& plan = harness.graph().plan();
  EXPECT_THAT(GraphDot(plan, *harness.tables().Load(), nothing),
              HasSubstr(R"([tooltip="says \"a < b && c > d\\e\""])"));
  EXPECT_THAT(GraphSvg(plan, *harness.tables().Load(), nothing),
              HasSubstr("<title>says &quot;a &lt; b &amp;&amp; c &gt; d\\e&quot;</title>"));
}

// Packets over each arc are those that the nodes behind it got.
TEST_F(GraphPictureTest, CountsOverArcsAddUp) {
  harness_.memory().vector_limit = 3;
  for (int i = 0; i < 100; ++i) {
    harness_.Inject(PortId(static_cast<uint16_t>(i % 2)),
                    FrameTo(MacAddress::FromBits(kPeer)).Build());
  }
  harness_.Run();
  for (const auto& [node, ways] : ReachableWays(plan(), tables())) {
    uint64_t out = 0;
    for (const NodeIndex to : ways) out += Count(node, to);
    EXPECT_EQ(out, ways.empty() ? 0U : 100U) << node.value();
  }
}

using Arcs = std::vector<std::pair<size_t, size_t>>;

// Four columns; 0 -> 4 and 0 -> 5 pass two of them.
const Arcs kArcs = {{0, 2}, {1, 2}, {2, 3}, {2, 4}, {3, 4}, {3, 5}, {0, 4}, {0, 5}, {1, 5}};
const std::vector<double> kWidths = {100, 90, 80, 120, 60, 70};

TEST(GraphLayoutTest, EveryLineLeadsToTheRight) {
  const GraphLayout layout = LayOutGraph(kWidths, kArcs);
  ASSERT_EQ(layout.boxes.size(), kWidths.size());
  ASSERT_EQ(layout.lines.size(), kArcs.size());
  for (size_t arc = 0; arc < kArcs.size(); ++arc) {
    const std::vector<LayoutPoint>& line = layout.lines[arc];
    const auto [from, to] = kArcs[arc];
    EXPECT_EQ(line.front().x, layout.boxes[from].x + kWidths[from]);
    EXPECT_EQ(line.front().y, layout.boxes[from].y);
    EXPECT_EQ(line.back().x, layout.boxes[to].x);
    EXPECT_EQ(line.back().y, layout.boxes[to].y);
    for (size_t i = 1; i < line.size(); ++i) EXPECT_GT(line[i].x, line[i - 1].x);
  }
}

TEST(GraphLayoutTest, NothingLiesOnABox) {
  const GraphLayout layout = LayOutGraph(kWidths, kArcs);
  for (size_t a = 0; a < kWidths.size(); ++a) {
    EXPECT_GE(layout.boxes[a].x, 0);
    EXPECT_LE(layout.boxes[a].x + kWidths[a], layout.width);
    EXPECT_GE(layout.boxes[a].y, kBoxHeight / 2);
    EXPECT_LE(layout.boxes[a].y + kBoxHeight / 2, layout.height);
    for (size_t b = a + 1; b < kWidths.size(); ++b) {
      const bool beside = layout.boxes[a].x != layout.boxes[b].x;
      EXPECT_TRUE(beside || std::abs(layout.boxes[a].y - layout.boxes[b].y) > kBoxHeight);
    }
    for (const std::vector<LayoutPoint>& line : layout.lines) {
      for (size_t i = 1; i + 1 < line.size(); ++i) {  // where it passes a column
        const bool same = line[i].x == layout.boxes[a].x;
        EXPECT_TRUE(!same || std::abs(line[i].y - layout.boxes[a].y) > kBoxHeight / 2);
      }
    }
  }
}

TEST(GraphLayoutTest, LinesThatNeedNotCrossDoNot) {
  // Drawn in the order of their numbers, 0 -> 3 and 1 -> 2 would.
  const GraphLayout layout = LayOutGraph({50, 50, 50, 50}, {{0, 3}, {1, 2}});
  EXPECT_EQ(layout.boxes[0].y < layout.boxes[1].y, layout.boxes[3].y < layout.boxes[2].y);
}

TEST(GraphLayoutTest, AGraphWithoutNodesIsEmpty) { EXPECT_TRUE(LayOutGraph({}, {}).boxes.empty()); }

}  // namespace
}  // namespace weft
