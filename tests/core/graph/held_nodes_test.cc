// SPDX-License-Identifier: Apache-2.0
// A node keeps packets and sends them later, on a clock that the test moves: they go on behind that
// node, whatever has become of it, of the features around it, or of the ports.
#include "core/graph/held_nodes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/text.h"
#include "tests/support/graph_harness.h"

namespace weft {
namespace {

using std::chrono::milliseconds;
using testing::Bytes;
using ::testing::ElementsAre;
using testing::FrameTo;
using testing::GraphHarness;
using ::testing::IsEmpty;
using testing::MacNumber;

constexpr PortId kFirst{0}, kSecond{1};

// What is kept, and what is said of it later.
struct Script {
  bool sends = true;
  VerdictCode verdict = kContinue;
  std::vector<Owned> kept;
};

class Keeper final : public Feature<Keeper> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "keeper", .arc = "port-input", .keeps = true, .help = "Keeps for a millisecond."};
  enum class Next : uint8_t { kPortOutput };
  static constexpr auto kNexts =
      Labels<Next>({{Next::kPortOutput, "port-output", "back to whence it came"}});
  enum class Drop : uint8_t { kNoRoom, kLate };
  static constexpr auto kDrops =
      Labels<Drop>({{Drop::kNoRoom, "no-room", "too many wait"}, {Drop::kLate, "late", "later"}});
  explicit Keeper(Script& script) : script_(script) {}
  void Process(Frame& frame) {
    const Time now = Now();
    ForEach(frame, [&](Packet& packet) -> Verdict {
      const Owned owned = Own(packet);
      if (!owned) return Drop::kNoRoom;
      Kept(owned)->set_out_port(packet.in_port());
      script_.kept.push_back(owned);
      if (script_.sends) SendAt(owned, now + milliseconds(1), Verdict::FromCode(script_.verdict));
      return Consumed();
    });
  }

 private:
  Script& script_;
};

// Stands behind it on the arc, and counts.
class Witness final : public Feature<Witness> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "witness", .arc = "port-input", .after = "keeper", .help = "Counts."};
  enum class Counter : uint8_t { kSeen };
  static constexpr auto kCounters = Labels<Counter>({{Counter::kSeen, "seen", "packets"}});
  void Process(Frame& frame) {
    Count(Counter::kSeen, frame.size());
    ForEach(frame, [](Packet&) -> Verdict { return Continue(); });
  }
};

class HeldNodesTest : public ::testing::Test {
 protected:
  HeldNodesTest() {
    harness_.Add<Keeper>(std::ref(script_));
    harness_.Add<Witness>();
    harness_.Add<HeldInput>();
    harness_.Add<HeldOutput>();
    harness_.AddStandIns();
    Wire({"keeper", "witness"}, 1);
    harness_.graph().UseClock(clock_);
  }
  std::vector<PortWiring> Wirings(const std::vector<std::string>& features, uint32_t life) {
    std::vector<PortWiring> wirings;
    for (const PortId port : {kFirst, kSecond}) {
      wirings.push_back({.port = port, .output = "memory-output", .life = life});
      for (const std::string& feature : features)
        wirings.back().features.push_back({feature, std::make_shared<int>()});
    }
    return wirings;
  }
  void Wire(const std::vector<std::string>& features, uint32_t life) {
    harness_.Wire(Wirings(features, life));
  }
  // The plan of the catalog as it is now.
  void ChangePlan(const std::vector<std::string>& features) {
    const auto plan = GraphPlan::Build(harness_.catalog());
    ASSERT_TRUE(plan.ok()) << plan.status();
    Graph::Change change = harness_.graph().Prepare(*plan);
    auto layouts = std::make_shared<Layouts>();
    layouts->push_back(std::move(change.layout));
    auto tables = ArcTables::Build(**plan, Wirings(features, 1), layouts);
    ASSERT_TRUE(tables.ok()) << tables.status();
    harness_.graph().Adopt(std::move(change));
    harness_.Publish(*std::move(tables));
  }
  void Send() {
    harness_.Inject(kFirst, frame_);
    harness_.Run();
  }
  void Wait(Time time) {
    clock_.Advance(time);
    harness_.Run();
  }
  uint64_t held() { return harness_.graph().held_packets()->held(); }

  Script script_;
  SimulatedClock clock_;
  GraphHarness harness_;
  const Bytes frame_ = FrameTo(MacNumber(1)).Build();
};

TEST_F(HeldNodesTest, APacketGoesOnWhenItIsDue) {
  Send();
  EXPECT_EQ(held(), 1U);
  EXPECT_EQ(harness_.graph().NextDue(), clock_.Now() + milliseconds(1));
  Wait(milliseconds(1) - std::chrono::nanoseconds(1));
  EXPECT_THAT(harness_.Sent(kSecond), IsEmpty());
  Wait(std::chrono::nanoseconds(1));
  EXPECT_THAT(harness_.Sent(kSecond), ElementsAre(frame_));
  EXPECT_EQ(harness_.Counted("witness", "seen"), 1U);
  EXPECT_EQ(held(), 0U);
  EXPECT_EQ(harness_.DroppedTotal(), 0U);
}

TEST_F(HeldNodesTest, ANextLeavesTheArc) {
  script_.verdict = static_cast<VerdictCode>(Keeper::Next::kPortOutput);
  Send();
  Wait(milliseconds(1));
  EXPECT_THAT(harness_.Sent(kFirst), ElementsAre(frame_));
  EXPECT_EQ(harness_.Counted("witness", "seen"), 0U);
}

TEST_F(HeldNodesTest, ADropIsAtOnceAndTheNodesOwn) {
  script_.verdict = static_cast<VerdictCode>(kFirstDrop + 1);
  Send();
  EXPECT_EQ(harness_.Dropped(kFirst, "keeper", "late"), 1U);
  EXPECT_EQ(held(), 0U);
}

TEST_F(HeldNodesTest, WhatIsNeverSentIsDropped) {
  script_.sends = false;
  Send();
  Wait(HeldPackets::kLongest - milliseconds(1));
  EXPECT_EQ(held(), 1U);
  Wait(milliseconds(1));
  EXPECT_EQ(held(), 0U);
  EXPECT_EQ(harness_.Dropped(kFirst, "held-input", "expired"), 1U);
  EXPECT_EQ(harness_.graph().Kept(script_.kept.front()), nullptr);
}

TEST_F(HeldNodesTest, AFullStoreIsTheNodesDrop) {
  constexpr size_t kMost = HeldPackets::kPackets / HeldPackets::kShare;
  for (size_t i = 0; i < kMost + 3; ++i) harness_.Inject(kFirst, frame_);
  harness_.Run();
  EXPECT_EQ(held(), kMost);
  EXPECT_EQ(harness_.Dropped(kFirst, "keeper", "no-room"), 3U);
  harness_.Inject(kSecond, frame_);
  harness_.Run();
  EXPECT_EQ(held(), kMost + 1) << "another port has its own share";
  Wait(milliseconds(1));
  EXPECT_EQ(harness_.Sent(kSecond).size(), kMost);
  EXPECT_EQ(harness_.Sent(kFirst).size(), 1U);
}

TEST_F(HeldNodesTest, FeaturesMayComeAndGoMeanwhile) {
  Send();
  Wire({"keeper"}, 1);
  Wait(milliseconds(1));
  EXPECT_THAT(harness_.Sent(kSecond), ElementsAre(frame_));
  EXPECT_EQ(harness_.Counted("witness", "seen"), 0U);
  Send();
  Wire({"witness"}, 1);
  Wait(milliseconds(1));
  EXPECT_THAT(harness_.Sent(kSecond), ElementsAre(frame_, frame_));
  EXPECT_EQ(harness_.Counted("witness", "seen"), 1U);
}

TEST_F(HeldNodesTest, APacketOutlivesTheNodeThatKeptIt) {
  Send();
  harness_.catalog().Remove("keeper");
  // Nobody may want to stand beside it any more.
  harness_.catalog().Remove("witness");
  ChangePlan({});
  EXPECT_EQ(held(), 1U);
  Wait(milliseconds(1));
  EXPECT_EQ(harness_.SentTotal() + harness_.DroppedTotal(), 1U);
  EXPECT_EQ(harness_.Dropped(kFirst, "held-output", "node-gone"), 1U)
      << "it was to go to witness, and where that stood nobody knows any more";

  harness_.Add<Keeper>(std::ref(script_));
  ChangePlan({"keeper"});
  Send();
  harness_.catalog().Remove("keeper");
  ChangePlan({});
  Wait(milliseconds(1));
  EXPECT_THAT(harness_.Sent(kSecond), ElementsAre(frame_)) << "the switch came next";
}

TEST_F(HeldNodesTest, APacketOfAnotherBuildGoesOnBehindTheNewOne) {
  Send();
  harness_.catalog().Remove("witness");
  harness_.catalog().Remove("keeper");
  harness_.Add<Keeper>(std::ref(script_));
  harness_.Add<Witness>();
  ChangePlan({"keeper", "witness"});
  Wait(milliseconds(1));
  EXPECT_THAT(harness_.Sent(kSecond), ElementsAre(frame_));
  EXPECT_EQ(script_.kept.size(), 1U) << "once is enough";
}

TEST_F(HeldNodesTest, APacketOfAPortThatHasGoneIsNotAnothers) {
  Send();
  Wire({"keeper", "witness"}, 2);  // the same numbers, and other ports
  Wait(milliseconds(1));
  EXPECT_EQ(harness_.SentTotal(), 0U);
  EXPECT_EQ(harness_.Dropped(kFirst, "held-output", "port-gone"), 1U);
  EXPECT_EQ(held(), 0U);
}

TEST_F(HeldNodesTest, AWorkerKnowsHowLongItMaySleep) {
  HeldInput& input = harness_.Get<HeldInput>();
  SleepSet idle;
  input.PrepareSleep(idle);
  EXPECT_EQ(idle.wake_at(), Time::max());
  Send();
  SleepSet set;
  input.PrepareSleep(set);
  EXPECT_FALSE(set.awake());
  EXPECT_EQ(set.wake_at(), clock_.Now() + milliseconds(1));
}

// Nobody pays for what nobody uses.
TEST(HeldNodes, AreNotThereUntilSomebodyKeepsPackets) {
  GraphHarness harness;
  harness.Add<HeldInput>();
  harness.Add<HeldOutput>();
  harness.AddStandIns();
  harness.Wire({{.port = kFirst}, {.port = kSecond}});
  EXPECT_FALSE(harness.graph().plan().Find("held-input").valid());
  EXPECT_FALSE(harness.graph().plan().Find("held-output").valid());
  EXPECT_EQ(harness.graph().held_packets(), nullptr);
  EXPECT_EQ(harness.graph().NextDue(), Time::max());
}

}  // namespace
}  // namespace weft
