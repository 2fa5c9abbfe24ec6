// SPDX-License-Identifier: Apache-2.0
// Features on their arcs: order, chains, and the sentences for wiring that cannot work.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/text.h"
#include "tests/support/graph_harness.h"

namespace weft {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using testing::FrameTo;
using testing::GraphHarness;
using ::testing::HasSubstr;
using testing::MacNumber;

// A feature that writes its letter into the packet and drops what its port's table asks it to.
struct StampConfig {
  uint8_t drop_byte = 0xFF;
};

template <char kLetter, const NodeSpec& kNodeSpec>
class Stamp final : public Feature<Stamp<kLetter, kNodeSpec>, StampConfig> {
 public:
  static constexpr NodeSpec kSpec = kNodeSpec;
  enum class Drop : uint8_t { kAsked };
  static constexpr auto kDrops = Labels<Drop>({{Drop::kAsked, "asked", "its table asked for it"}});
  using Verdict = weft::Verdict<Stamp>;

  void Process(Frame& frame) {
    this->ForEach(frame, [this](Packet& packet) -> Verdict {
      const bool input = kSpec.arc == "port-input";
      const StampConfig& config = this->port_config(input ? packet.in_port() : packet.out_port());
      auto* header = const_cast<uint8_t*>(packet.header());  // the test's own way to leave a mark
      if (header[14] == config.drop_byte) return Drop::kAsked;
      size_t at = 20;
      while (header[at] != 0) ++at;
      header[at] = kLetter;
      return this->Continue();
    });
  }
};

constexpr NodeSpec kFirst{
    .name = "first", .arc = "port-input", .before = "second", .help = "Stamps a."};
constexpr NodeSpec kSecond{.name = "second", .arc = "port-input", .help = "Stamps b."};
constexpr NodeSpec kLeaving{.name = "leaving", .arc = "port-output", .help = "Stamps z."};
using First = Stamp<'a', kFirst>;
using Second = Stamp<'b', kSecond>;
using Leaving = Stamp<'z', kLeaving>;

PortWiring Port(uint16_t number, std::vector<std::string> features, uint8_t drop_byte = 0xFF) {
  PortWiring wiring{.port = PortId(number), .output = "", .features = {}};
  for (std::string& feature : features) {
    wiring.features.push_back(
        {std::move(feature), std::make_shared<StampConfig>(StampConfig{drop_byte})});
  }
  return wiring;
}

Bytes Blank(uint8_t byte = 1) {
  Bytes frame = FrameTo(MacNumber(2)).From(MacNumber(1)).Build();
  std::fill(frame.begin() + 14, frame.end(), uint8_t{0});
  frame[14] = byte;
  return frame;
}

std::string Stamps(const Bytes& frame) { return reinterpret_cast<const char*>(frame.data() + 20); }

TEST(Arcs, EachPortHasItsOwnFeatures) {
  GraphHarness harness;
  harness.Add<Second>();
  harness.Add<First>();
  harness.Add<Leaving>();
  harness.AddStandIns();
  harness.Wire({Port(0, {}), Port(1, {"leaving"}), Port(2, {"second", "first"}),
                Port(3, {"first", "leaving"})});
  // Ports 0 and 1, 2 and 3 talk to each other; all share one vector.
  for (int round = 0; round < 3; ++round) {
    for (uint16_t port = 0; port < 4; ++port) harness.Inject(PortId(port), Blank());
  }
  harness.Run();
  EXPECT_EQ(harness.Sent(PortId(0)).size(), 3U);
  for (const Bytes& frame : harness.Sent(PortId(0))) EXPECT_EQ(Stamps(frame), "");
  for (const Bytes& frame : harness.Sent(PortId(1))) EXPECT_EQ(Stamps(frame), "z");
  for (const Bytes& frame : harness.Sent(PortId(2))) EXPECT_EQ(Stamps(frame), "a");
  for (const Bytes& frame : harness.Sent(PortId(3))) EXPECT_EQ(Stamps(frame), "abz");
  EXPECT_EQ(harness.SentTotal(), 12U);
}

TEST(Arcs, ConfigIsPerPortAndDropsAreBlamedByArc) {
  GraphHarness harness;
  harness.Add<First>();
  harness.Add<Second>();
  harness.Add<Leaving>();
  harness.AddStandIns();
  harness.Wire({Port(0, {"first"}, 7), Port(1, {"leaving"}, 8), Port(2, {}), Port(3, {})});
  for (const uint8_t byte : {uint8_t{6}, uint8_t{7}, uint8_t{8}, uint8_t{9}}) {
    harness.Inject(PortId(0), Blank(byte));
    harness.Inject(PortId(1), Blank(byte));
  }
  harness.Run();
  EXPECT_EQ(harness.Dropped(PortId(0), "first", "asked"), 1U);
  EXPECT_EQ(harness.Dropped(PortId(1), "leaving", "asked"), 1U)
      << "what leaves is blamed on where it would go";
  EXPECT_EQ(harness.Sent(PortId(1)).size(), 2U);
  EXPECT_EQ(harness.Sent(PortId(0)).size(), 4U);
}

TEST(Arcs, FeaturesChangeBetweenDispatches) {
  GraphHarness harness;
  harness.Add<First>();
  harness.Add<Second>();
  harness.AddStandIns();
  harness.Wire({Port(0, {}), Port(1, {})});
  harness.Inject(PortId(0), Blank());
  harness.Run();
  harness.Wire({Port(0, {"first"}), Port(1, {})});
  harness.Inject(PortId(0), Blank());
  harness.Run();
  ASSERT_EQ(harness.Sent(PortId(1)).size(), 2U);
  EXPECT_EQ(Stamps(harness.Sent(PortId(1))[0]), "");
  EXPECT_EQ(Stamps(harness.Sent(PortId(1))[1]), "a");
}

TEST(Arcs, PacketsToAPortThatIsGoneAreDropped) {
  GraphHarness harness;
  harness.Add<Leaving>();
  harness.AddStandIns();
  harness.Wire({Port(0, {"leaving"}), Port(2, {})});
  harness.Inject(PortId(0), Blank());
  harness.Run();
  EXPECT_EQ(harness.Dropped(PortId(1), "port-output", "port-gone"), 1U);
}

TEST(Arcs, TablesRefuseUnknownFeatures) {
  GraphHarness harness;
  harness.AddStandIns();
  harness.Wire({});
  const auto tables = ArcTables::Build(
      harness.graph().plan(),
      {{.port = PortId(0), .output = "memory-output", .features = {{"nonsense", nullptr}}}});
  EXPECT_THAT(MessageOf(tables.status()), HasSubstr("\"nonsense\" is no feature node"));
  const auto no_output = ArcTables::Build(
      harness.graph().plan(), {{.port = PortId(0), .output = "pair-switch", .features = {}}});
  EXPECT_THAT(MessageOf(no_output.status()), HasSubstr("\"pair-switch\" is no output node"));
}

NodeClass Declared(NodeSpec spec, NodeKind kind = NodeKind::kFeature) {
  NodeClass node;
  node.spec = spec;
  node.kind = kind;
  return node;
}

struct WiringCase {
  const char* description;
  std::vector<NodeClass> nodes;
  const char* message;
};

TEST(Arcs, WiringMistakesHaveSentences) {
  static constexpr LabelText kNowhere[] = {{"nowhere", "help"}};
  static constexpr LabelText kToB[] = {{"b", "help"}};
  static constexpr LabelText kToA[] = {{"a", "help"}};
  NodeClass lost = Declared({.name = "lost", .help = "h"}, NodeKind::kPlain);
  lost.nexts = kNowhere;
  NodeClass a = Declared({.name = "a", .help = "h"}, NodeKind::kPlain);
  a.nexts = kToB;
  NodeClass b = Declared({.name = "b", .help = "h"}, NodeKind::kPlain);
  b.nexts = kToA;
  const std::vector<WiringCase> cases = {
      {"next to nowhere", {lost}, "node \"lost\": its next \"nowhere\" is no node and no arc"},
      {"cycle", {a, b}, "the graph has a cycle through or before: a, b"},
      {"unknown arc",
       {Declared({.name = "f", .arc = "port-side", .help = "h"})},
       "there is no arc \"port-side\""},
      {"unknown neighbour",
       {Declared({.name = "f", .arc = "port-input", .before = "ghost", .help = "h"})},
       "node \"f\" wants to be before \"ghost\", which is not on the arc port-input"},
      {"impossible order",
       {Declared({.name = "f", .arc = "port-input", .before = "g", .help = "h"}),
        Declared({.name = "g", .arc = "port-input", .before = "f", .help = "h"})},
       "cycle through or before: f, g"},
      {"two switches",
       {Declared({.name = "switch-2", .arc = "port-input", .last = true, .help = "h"},
                 NodeKind::kPlain),
        Declared({.name = "switch-3", .arc = "port-input", .last = true, .help = "h"},
                 NodeKind::kPlain)},
       "2 nodes want to end the arc port-input"},
  };
  for (const WiringCase& c : cases) {
    GraphHarness harness;
    for (const NodeClass& node : c.nodes) harness.AddClass(node);
    harness.AddStandIns();
    EXPECT_THAT(MessageOf(harness.plan_status()), HasSubstr(c.message)) << c.description;
  }
}

TEST(Arcs, NamesAreTakenOnce) {
  NodeCatalog catalog;
  ASSERT_TRUE(catalog.Add(Declared({.name = "x", .help = "h"})).ok());
  EXPECT_THAT(MessageOf(catalog.Add(Declared({.name = "x", .help = "h"})).status()),
              HasSubstr("node \"x\" is registered twice"));
}

}  // namespace
}  // namespace weft
