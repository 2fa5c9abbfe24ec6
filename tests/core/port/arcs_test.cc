// SPDX-License-Identifier: Apache-2.0
// Packets are put into each kind of arc, by its name, and arrive behind it and nowhere else.
#include "core/port/arcs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/text.h"
#include "core/graph/held_nodes.h"
#include "tests/support/graph_harness.h"

namespace weft {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using testing::FrameTo;
using testing::GraphHarness;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MacNumber;
using ::testing::UnorderedElementsAre;

constexpr PortId kFirst{0}, kSecond{1}, kNobody{7};

// Puts what it gets, with an out-port, where the test says.
class Putter final : public Feature<Putter> {
 public:
  static constexpr NodeSpec kSpec{.name = "putter", .arc = "port-input", .help = "Puts."};
  enum class Drop : uint8_t { kGone };
  static constexpr auto kDrops = Labels<Drop>({{Drop::kGone, "gone", "there is no such arc"}});
  Putter(const ArcTarget& target, const PortId& out) : target_(target), out_(out) {}
  void Process(Frame& frame) {
    for (Packet* const packet : frame) packet->set_out_port(out_);
    if (graph_->Enter(index_, {frame.begin(), frame.size()}, target_)) return;
    for (const Packet* const packet : frame) DropPacket(*packet, packet->in_port(), Drop::kGone);
  }

 private:
  const ArcTarget& target_;
  const PortId& out_;
};

template <Arc kArc>
class Seer final : public Feature<Seer<kArc>> {
 public:
  static constexpr bool kIn = kArc == Arc::kPortInput;
  static constexpr NodeSpec kSpec{.name = kIn ? "in-seer" : "out-seer",
                                  .arc = kIn ? "port-input" : "port-output",
                                  .after = kIn ? "putter" : "",
                                  .help = "Counts."};
  enum class Counter : uint8_t { kSeen };
  static constexpr auto kCounters = Labels<Counter>({{Counter::kSeen, "seen", "packets"}});
  void Process(Frame& frame) {
    this->Count(Counter::kSeen, frame.size());
    this->ForEach(frame, [this](Packet&) -> weft::Verdict<Seer> { return this->Continue(); });
  }
};

class Aside final : public Node<Aside> {
 public:
  static constexpr NodeSpec kSpec{.name = "aside", .help = "On neither arc."};
  enum class Next : uint8_t { kPortOutput };
  static constexpr auto kNexts = Labels<Next>({{Next::kPortOutput, "port-output", "all"}});
  void Process(Frame& frame) {
    ForEach(frame, [](Packet&) -> Verdict { return Next::kPortOutput; });
  }
};

class ArcsTest : public ::testing::Test {
 protected:
  ArcsTest() {
    harness_.Add<Putter>(std::cref(target_), std::cref(out_));
    harness_.Add<Seer<Arc::kPortInput>>();
    harness_.Add<Seer<Arc::kPortOutput>>();
    harness_.Add<Aside>();
    harness_.Add<HeldInput>();
    harness_.Add<HeldOutput>();
    harness_.AddStandIns();
    for (const char* name : {"first", "second"})
      (*ports_.Add(name))->wiring.output = "memory-output";
    Wire({"putter", "in-seer", "out-seer"});
  }
  // Both ports have these features.
  void Wire(const std::vector<std::string>& features) {
    std::vector<PortWiring> wirings;
    for (const PortId port : {kFirst, kSecond}) {
      PortWiring& wiring = ports_.Find(port)->wiring;
      wiring.features.clear();
      for (const std::string& feature : features)
        wiring.features.push_back({feature, std::make_shared<int>()});
      wirings.push_back({.port = port, .output = wiring.output, .features = wiring.features});
    }
    harness_.Wire(std::move(wirings));
  }
  Arcs::Needs Aim(std::string_view name) {
    const auto found = arcs_.Find(name, kFirst);
    EXPECT_TRUE(found.ok()) << found.status();
    target_ = found->target;
    return found->needs;
  }
  std::string Refusal(std::string_view name, PortId port = kFirst) {
    return MessageOf(arcs_.Find(name, port).status());
  }
  // A packet of the first port's, which the putter puts.
  void Send() {
    harness_.Inject(kFirst, frame_);
    harness_.Run();
  }
  std::vector<uint64_t> Seen() {
    return {harness_.Counted("in-seer", "seen"), harness_.Counted("out-seer", "seen")};
  }

  ArcTarget target_;
  PortId out_ = kFirst;
  GraphHarness harness_;
  PortTable ports_{harness_.rcu()};
  const Arcs arcs_{harness_.catalog(), ports_};
  const Bytes frame_ = FrameTo(MacNumber(1)).Build();
};

TEST_F(ArcsTest, NamesAllThatPacketsCanBePutInto) {
  EXPECT_THAT(arcs_.Names(),
              UnorderedElementsAre("putter", "in-seer", "out-seer", "aside", "port-input",
                                   "port-output", "pair-switch", "memory-output"));
}

TEST_F(ArcsTest, TheBeginningOfAnArc) {
  EXPECT_EQ(Aim("port-output"), Arcs::Needs::kOutPort);
  Send();
  EXPECT_THAT(harness_.Sent(kFirst), ElementsAre(frame_));
  EXPECT_THAT(Seen(), ElementsAre(0, 1));
}

TEST_F(ArcsTest, TheBeginningOfAnArcWithoutFeatures) {
  Aim("port-output");
  Wire({"putter"});
  Send();
  EXPECT_THAT(harness_.Sent(kFirst), ElementsAre(frame_));
}

TEST_F(ArcsTest, AFeatureAndWhatComesAfterIt) {
  EXPECT_EQ(Aim("in-seer"), Arcs::Needs::kInPort);
  Send();
  EXPECT_THAT(harness_.Sent(kSecond), ElementsAre(frame_)) << "by way of pair-switch";
  EXPECT_THAT(Seen(), ElementsAre(1, 1));
  EXPECT_EQ(Aim("out-seer"), Arcs::Needs::kOutPort);
  Send();
  EXPECT_THAT(harness_.Sent(kFirst), ElementsAre(frame_));
  EXPECT_THAT(Seen(), ElementsAre(1, 2));
}

TEST_F(ArcsTest, WhereAnArcEnds) {
  EXPECT_EQ(Aim("pair-switch"), Arcs::Needs::kInPort);
  Send();
  EXPECT_THAT(harness_.Sent(kSecond), ElementsAre(frame_));
  EXPECT_THAT(Seen(), ElementsAre(0, 1));
  EXPECT_EQ(Aim("memory-output"), Arcs::Needs::kOutPort);
  Send();
  EXPECT_THAT(harness_.Sent(kFirst), ElementsAre(frame_));
  EXPECT_THAT(Seen(), ElementsAre(0, 1));
}

TEST_F(ArcsTest, ANodeOfNeither) {
  EXPECT_EQ(Aim("aside"), Arcs::Needs::kDecision);
  Send();
  EXPECT_THAT(harness_.Sent(kFirst), ElementsAre(frame_));
  EXPECT_EQ(harness_.Node("aside").packets.value(), 1U);
}

TEST_F(ArcsTest, WhatIsNotThere) {
  EXPECT_THAT(Refusal("asid"), HasSubstr("there is no arc \"asid\" (there are: putter, "));
  EXPECT_THAT(Refusal("memory-input"), HasSubstr("there is no arc")) << "an input takes none";
  EXPECT_THAT(Refusal("held-output"), HasSubstr("there is no arc")) << "it takes what was kept";
  Wire({"putter"});
  EXPECT_EQ(Refusal("in-seer"), "port \"first\" has no feature \"in-seer\"");
  ports_.Find(kFirst)->wiring.output = "other-output";
  EXPECT_EQ(Refusal("memory-output"),
            "port \"first\" leaves by other-output, and not by memory-output");
  EXPECT_THAT(Refusal("memory-output", kNobody), HasSubstr("leaves by no node"));
}

// What a stream was aimed at may go while it runs.
TEST_F(ArcsTest, AFeatureThatThePortHasLost) {
  Aim("out-seer");
  Wire({"putter", "in-seer"});
  Send();
  EXPECT_EQ(harness_.Dropped(kFirst, "putter", "gone"), 1U);
  EXPECT_THAT(harness_.Sent(kFirst), IsEmpty());
  Wire({"putter", "in-seer", "out-seer"});
  out_ = kNobody;
  Send();
  EXPECT_EQ(harness_.Dropped(kFirst, "putter", "gone"), 2U) << "a port that there is not";
}

TEST_F(ArcsTest, ANodeThatHasGone) {
  for (const auto way : {ArcTarget::Way::kNode, ArcTarget::Way::kFeature, ArcTarget::Way::kArc}) {
    target_ = {.way = way, .arc = Arc::kPortInput, .node = 0xfffe};
    Send();
  }
  EXPECT_EQ(harness_.Dropped(kFirst, "putter", "gone"), 3U);
}

// Another plugin has brought the name back, for a node of another kind: a frame without a chain
// must not reach a feature.
TEST_F(ArcsTest, ANodeThatIsAnotherNow) {
  Aim("in-seer");
  target_.way = ArcTarget::Way::kNode;
  Send();
  Aim("aside");
  target_.way = ArcTarget::Way::kFeature;
  Send();
  Aim("out-seer");
  target_.arc = Arc::kPortInput;
  Send();
  EXPECT_EQ(harness_.Dropped(kFirst, "putter", "gone"), 3U);
}

}  // namespace
}  // namespace weft
