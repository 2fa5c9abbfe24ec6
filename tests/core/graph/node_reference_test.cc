// SPDX-License-Identifier: Apache-2.0
#include "core/graph/node_reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/graph/node.h"

namespace weft {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Weigher final : public Feature<Weigher> {
 public:
  static constexpr NodeSpec kSpec{.name = "weigher",
                                  .arc = "port-output",
                                  .before = "painter",
                                  .after = "wrapper",
                                  .help = "Weighs packets."};
  enum class Next : uint8_t { kScrap };
  static constexpr auto kNexts =
      Labels<Next>({{Next::kScrap, "scrap", "what nobody wants | <nothing>"}});
  enum class Drop : uint8_t { kHeavy, kLight };
  static constexpr auto kDrops =
      Labels<Drop>({{Drop::kHeavy, "heavy", "too much"}, {Drop::kLight, "light", "too little"}});
  enum class Counter : uint8_t { kWeighed };
  static constexpr auto kCounters = Labels<Counter>({{Counter::kWeighed, "weighed", "packets"}});
  struct TraceRecord {
    uint32_t grams;
  };
  static constexpr auto kTrace =
      TraceFields({TraceFieldOf<&TraceRecord::grams>("grams", "what the scale said")});
  TraceRecord MakeTrace(const Packet& packet) const { return {packet.length()}; }
};

class Source final : public Input<Source> {
 public:
  static constexpr NodeSpec kSpec{.name = "source", .help = "Makes packets."};
  void Poll(Frame&) {}
};

class Sink final : public Output<Sink> {
 public:
  static constexpr NodeSpec kSpec{.name = "sink", .arc = "port-output", .last = true};
};

template <typename N>
std::string Describe() {
  return DescribeNode(NodeClassOf<N>(nullptr));
}

TEST(DescribeNode, HasATableForEachThingDeclared) {
  EXPECT_EQ(Describe<Weigher>(),
            "# weigher\n\nWeighs packets.\n\n"
            "## Node\n\n| | |\n|---|---|\n"
            "| kind | feature: decides on the packets of the ports that have its table |\n"
            "| arc | `port-output`, after `wrapper`, before `painter` |\n"
            "| drops are blamed on | the port that the packet goes to |\n\n"
            "## Nexts\n\n| next | packets that go there |\n|---|---|\n"
            "| `scrap` | what nobody wants \\| \\<nothing> |\n\n"
            "## Drops\n\n| reason | meaning |\n|---|---|\n"
            "| `heavy` | too much |\n| `light` | too little |\n\n"
            "## Counters\n\n| counter | what it counts |\n|---|---|\n| `weighed` | packets |\n\n"
            "## Trace\n\n| field | meaning |\n|---|---|\n| `grams` | what the scale said |\n");
}

TEST(DescribeNode, LeavesOutWhatIsNotDeclared) {
  EXPECT_EQ(Describe<Source>(),
            "# source\n\nMakes packets.\n\n"
            "## Node\n\n| | |\n|---|---|\n| kind | input: brings packets into the switch |\n\n"
            "## Nexts\n\n| next | packets that go there |\n|---|---|\n"
            "| `port-input` | every packet that came in |\n");
}

TEST(DescribeNode, SaysWhereAnArcEnds) {
  const std::string text = Describe<Sink>();
  EXPECT_THAT(text, HasSubstr("| arc | ends `port-output` |\n"));
  EXPECT_THAT(text, Not(HasSubstr("blamed")));  // it drops nothing
}

}  // namespace
}  // namespace weft
