// SPDX-License-Identifier: Apache-2.0
// Features on their arcs: order, chains, and the sentences for wiring that cannot work.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <iterator>

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
using ::testing::UnorderedElementsAre;

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
  static constexpr LabelText kToFeature[] = {{"f", "help"}};
  static constexpr LabelText kToInput[] = {{"memory-input", "help"}};
  NodeClass short_cut = Declared({.name = "short-cut", .help = "h"}, NodeKind::kPlain);
  short_cut.nexts = kToFeature;
  NodeClass back = Declared({.name = "back", .help = "h"}, NodeKind::kPlain);
  back.nexts = kToInput;
  NodeClass lost = Declared({.name = "lost", .help = "h"}, NodeKind::kPlain);
  lost.nexts = kNowhere;
  NodeClass a = Declared({.name = "a", .help = "h"}, NodeKind::kPlain);
  a.nexts = kToB;
  NodeClass b = Declared({.name = "b", .help = "h"}, NodeKind::kPlain);
  b.nexts = kToA;
  const std::vector<WiringCase> cases = {
      {"next to nowhere", {lost}, "node \"lost\": its next \"nowhere\" is no node and no arc"},
      {"next to a feature",
       {short_cut, Declared({.name = "f", .arc = "port-input", .help = "h"})},
       "node \"short-cut\": its next \"f\" is a feature, which packets reach by the arc "
       "port-input"},
      {"next to an input",
       {back},
       "node \"back\": its next \"memory-input\" is an input, which takes no packets"},
      {"cycle",
       {a, b},
       "the graph has a cycle: packets go from \"b\" to \"a\", and packets go from \"a\" to \"b\""},
      {"unknown arc",
       {Declared({.name = "f", .arc = "port-side", .help = "h"})},
       "there is no arc \"port-side\""},
      {"unknown neighbour",
       {Declared({.name = "f", .arc = "port-input", .before = "ghost", .help = "h"})},
       "node \"f\" wants to be before \"ghost\", which is not on the arc port-input"},
      {"impossible order",
       {Declared({.name = "f", .arc = "port-input", .before = "g", .help = "h"}),
        Declared({.name = "g", .arc = "port-input", .before = "f", .help = "h"})},
       "the graph has a cycle: \"g\" wants to be before \"f\", and \"f\" wants to be before \"g\""},
      {"impossible order of three, one of them by the other end",
       {Declared({.name = "e", .arc = "port-input", .before = "f", .help = "h"}),
        Declared({.name = "f", .arc = "port-input", .before = "g", .help = "h"}),
        Declared({.name = "g", .arc = "port-input", .before = "h", .help = "h"}),
        Declared({.name = "h", .arc = "port-input", .after = "g", .help = "h"}),
        Declared({.name = "i", .arc = "port-input", .before = "f", .after = "h", .help = "h"})},
       "the graph has a cycle: \"g\" wants to be before \"h\", and \"i\" wants to be after \"h\", "
       "and "
       "\"i\" wants to be before \"f\", and \"f\" wants to be before \"g\""},
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

// A feature that sends what it is asked to straight to the output, past the rest of its arc.
class Deserter final : public Feature<Deserter, StampConfig> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "deserter", .arc = "port-input", .before = "second", .help = "Leaves the arc."};
  enum class Next : uint8_t { kPortOutput };
  static constexpr auto kNexts =
      Labels<Next>({{Next::kPortOutput, "port-output", "what its table names"}});
  void Process(Frame& frame) {
    ForEach(frame, [this](Packet& packet) -> Verdict {
      if (packet.header()[14] != port_config(packet.in_port()).drop_byte) return Continue();
      packet.set_out_port(PortId(static_cast<uint16_t>(packet.in_port().value() ^ 1)));
      return Next::kPortOutput;
    });
  }
};

TEST(Arcs, AFeatureMayLeaveFromTheMiddle) {
  GraphHarness harness;
  harness.Add<First>();
  harness.Add<Deserter>();
  harness.Add<Second>();
  harness.Add<Leaving>();
  harness.AddStandIns();
  harness.Wire({Port(0, {"first", "deserter", "second"}, 7), Port(1, {"leaving"}),
                Port(2, {"deserter"}, 7), Port(3, {})});
  for (const uint16_t port : {uint16_t{0}, uint16_t{2}}) {
    for (const uint8_t byte : {uint8_t{7}, uint8_t{8}, uint8_t{7}, uint8_t{9}}) {
      // "first" drops what its table names, so port 0 deserts with what it does not see.
      harness.Inject(PortId(port), Blank(byte));
    }
  }
  harness.Run();
  EXPECT_EQ(harness.Dropped(PortId(0), "first", "asked"), 2U);
  std::vector<std::string> stamps;
  for (const Bytes& frame : harness.Sent(PortId(1))) stamps.push_back(Stamps(frame));
  EXPECT_THAT(stamps, ElementsAre("abz", "abz"));
  std::vector<int> bytes;
  for (const Bytes& frame : harness.Sent(PortId(3))) bytes.push_back(frame[14]);
  EXPECT_THAT(bytes, UnorderedElementsAre(7, 8, 7, 9));
  EXPECT_EQ(harness.SentTotal() + harness.DroppedTotal(), 8U);
}

TEST(Arcs, AHundredChainsAndNoMore) {
  // Seven features make 128 lists of them.
  static constexpr std::string_view kNames[] = {"f1", "f2", "f3", "f4", "f5", "f6", "f7"};
  GraphHarness harness;
  for (const std::string_view name : kNames) {
    NodeClass feature = NodeClassOf<First>([](WorkerId) { return std::make_unique<First>(); });
    feature.spec = {.name = name, .arc = "port-input", .help = "Stamps a."};
    harness.AddClass(std::move(feature));
  }
  harness.AddStandIns();
  const auto ports = [](uint16_t count) {
    std::vector<PortWiring> wirings;
    for (uint16_t i = 0; i < count; ++i) {
      std::vector<std::string> features;
      for (size_t f = 0; f < std::size(kNames); ++f) {
        if ((i >> f & 1) != 0) features.emplace_back(kNames[f]);
      }
      wirings.push_back(Port(i, features));
      wirings.back().output = "memory-output";
    }
    return wirings;
  };
  harness.Wire(ports(ArcTables::kMaxChains));
  for (uint16_t i = 0; i < ArcTables::kMaxChains; ++i) harness.Inject(PortId(i), Blank());
  harness.Run();
  for (uint16_t i = 0; i < ArcTables::kMaxChains; ++i) {
    const auto& sent = harness.Sent(PortId(static_cast<uint16_t>(i ^ 1)));
    ASSERT_EQ(sent.size(), 1U) << i;
    EXPECT_EQ(Stamps(sent[0]).size(), static_cast<size_t>(std::popcount(i))) << i;
  }
  const auto more =
      ArcTables::Build(harness.graph().plan(), ports(ArcTables::kMaxChains + uint16_t{1}));
  EXPECT_EQ(MessageOf(more.status()), "more than 100 different lists of features on port-input");
}

TEST(Arcs, NamesAreTakenOnce) {
  NodeCatalog catalog;
  ASSERT_TRUE(catalog.Add(Declared({.name = "x", .help = "h"})).ok());
  EXPECT_THAT(MessageOf(catalog.Add(Declared({.name = "x", .help = "h"})).status()),
              HasSubstr("node \"x\" is registered twice"));
}

}  // namespace
}  // namespace weft
