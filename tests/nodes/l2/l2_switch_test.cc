// SPDX-License-Identifier: Apache-2.0
// The switch, packet by packet: what leaves where, and what is dropped why.
#include "nodes/l2/l2_switch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/nodes/l2/l2_fixture.h"

namespace weft::l2 {
namespace {

using ::testing::ElementsAre;
using weft::testing::Bytes;
using weft::testing::FrameTo;
using weft::testing::Mac;

constexpr char kA[] = "02:00:00:00:00:0a", kB[] = "02:00:00:00:00:0b", kC[] = "02:00:00:00:00:0c";
constexpr char kD[] = "02:00:00:00:00:0d", kOwn[] = "02:00:00:00:00:11";
constexpr char kAll[] = "ff:ff:ff:ff:ff:ff";

// "blue" has ports 0 to 2, all learning; "red" has port 3 with a MAC of its own, 4 with a mac-limit
// of 1, 5 that does not learn, and 6 that is down. Port 7 is in no bridge.
class L2SwitchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    s_.AddBridge("blue", 0, 2);
    red_ = *s_.state->AddBridge("red");
    s_.AddPort(3, red_, {.mac = Mac(kOwn)});
    s_.AddPort(4, red_, {.mac_limit = 1});
    s_.AddPort(5, red_, {.learning = false});
    s_.AddPort(6, red_, {});
    s_.state->PortDown(PortId(6));
  }

  // Sends one frame and says what became of it: "1 2" (the ports where it left) or "mac-limit".
  std::string Send(uint16_t port, const char* destination, const char* source) {
    std::vector<size_t> before;
    for (uint16_t i = 0; i < SwitchFixture::kPorts; ++i) {
      before.push_back(s_.harness.Sent(PortId(i)).size());
    }
    std::map<std::string, uint64_t> drops = Drops(port);
    s_.Inject(port, Mac(destination), Mac(source));
    s_.harness.Run();
    std::string text;
    for (uint16_t i = 0; i < SwitchFixture::kPorts; ++i) {
      for (size_t n = before[i]; n < s_.harness.Sent(PortId(i)).size(); ++n) {
        text += (text.empty() ? "" : " ") + std::to_string(i);
      }
    }
    for (const auto& [reason, count] : Drops(port)) {
      if (count != drops[reason]) text += (text.empty() ? "" : " ") + reason;
    }
    EXPECT_EQ(s_.Missing(), 0);
    return text;
  }

  std::map<std::string, uint64_t> Drops(uint16_t port) const {
    std::map<std::string, uint64_t> drops;
    for (const LabelText& label : L2Switch::kDrops.span()) {
      const std::string name(label.name);
      drops[name] = s_.harness.Dropped(PortId(port), "l2-switch", name);
    }
    drops["no-members"] = s_.harness.Dropped(PortId(port), "flood", "no-members");
    return drops;
  }
  uint64_t Counted(const char* counter) const { return s_.harness.Counted("l2-switch", counter); }

  SwitchFixture s_;
  BridgeId red_;
};

struct Step {
  const char* description;
  uint16_t port;
  const char* destination;
  const char* source;
  const char* expected;
};

TEST_F(L2SwitchTest, DecidesPacketByPacket) {
  const Step steps[] = {
      // Learning, in blue.
      {"unknown: to all others", 0, kB, kA, "1 2"},
      {"the answer goes straight", 1, kA, kB, "0"},
      {"and so does what follows", 0, kB, kA, "1"},
      {"broadcast", 0, kAll, kA, "1 2"},
      {"multicast", 2, "01:00:5e:00:00:01", kC, "0 1"},
      {"itself", 0, kA, kA, "hairpin"},
      {"a neighbour on the same port", 0, kD, kA, "1 2"},
      {"which moved there", 0, kAll, kD, "1 2"},
      {"is a hairpin", 0, kD, kA, "hairpin"},
      {"a moved address", 2, kAll, kB, "0 1"},
      {"is found where it is now", 0, kB, kA, "2"},
      // Sources that nobody has.
      {"group source", 0, kB, "03:00:00:00:00:0a", "bad-source"},
      {"broadcast source", 0, kB, kAll, "bad-source"},
      {"zero source", 0, kB, "00:00:00:00:00:00", "bad-source"},
      {"zero destination: nobody's", 0, "00:00:00:00:00:00", kA, "1 2"},
      // Addresses that stay on a link.
      {"spanning tree", 0, "01:80:c2:00:00:00", kA, "reserved"},
      {"the last of them", 0, "01:80:c2:00:00:0f", kA, "reserved"},
      {"one beyond", 0, "01:80:c2:00:00:10", kA, "1 2"},
      // Red does not see blue.
      {"blue's address is unknown in red", 4, kA, kC, "3 5"},
      {"the port's own address", 4, kOwn, kC, "3"},
      {"is not to be stolen", 4, kAll, kOwn, "stolen-source"},
      {"nor by a port that does not learn", 5, kAll, kOwn, "stolen-source"},
      {"but the owner may use it", 3, kC, kOwn, "4"},
      {"and no other", 3, kC, kD, "mac-limit"},
      {"port 4 has room for one", 4, kC, kD, "mac-limit"},
      {"port 5 may send from anywhere", 5, kC, kA, "4"},
      {"and from anywhere else", 5, kC, kB, "4"},
      {"and nothing was learned", 4, kA, kC, "3 5"},
      {"a port that is down may send, and learns", 6, kC, kB, "4"},
      {"a port in no bridge", 7, kAll, kA, "no-bridge"},
  };
  for (const Step& step : steps) {
    EXPECT_EQ(Send(step.port, step.destination, step.source), step.expected) << step.description;
  }
  EXPECT_EQ(Counted("learned"), 6u);  // A, B, C, D in blue, B and C in red
  EXPECT_EQ(Counted("moved"), 1u);
  EXPECT_EQ(Counted("flooded"), 10u);  // the steps that reach two ports
  EXPECT_EQ(Counted("refreshed"), 0u);
}

TEST_F(L2SwitchTest, AStepBeyondMacLimitIsDroppedAndTheOthersPass) {
  for (const char* source : {kA, kB, kA, kC, kA}) s_.Inject(4, Mac(kOwn), Mac(source));
  s_.harness.Run();
  EXPECT_EQ(s_.harness.Sent(PortId(3)).size(), 3u);  // those from A
  EXPECT_EQ(s_.harness.Dropped(PortId(4), "l2-switch", "mac-limit"), 2u);
  EXPECT_EQ(s_.Missing(), 0);
}

TEST_F(L2SwitchTest, RefreshesAndForgets) {
  SimulatedClock clock;
  const auto advance = [&](int seconds) {
    for (int i = 0; i < seconds; ++i) {
      clock.Advance(std::chrono::seconds(1));
      for (size_t n = 0; n < s_.state->fdb().age_slices(); ++n) s_.state->Tick(clock.Now());
    }
  };
  EXPECT_EQ(Send(1, kAll, kB), "0 2");
  advance(200);
  EXPECT_EQ(Send(1, kAll, kB), "0 2");
  EXPECT_EQ(Counted("refreshed"), 1u);
  advance(299);
  EXPECT_EQ(Send(0, kB, kA), "1");
  advance(1);
  EXPECT_EQ(Send(0, kB, kA), "1 2");
}

TEST_F(L2SwitchTest, ADestinationStaysFloodedUpToTheEndOfTheFrame) {
  // B is unknown at first and learned in the middle. Were the third frame sent straight, it would
  // overtake the first, which leaves by way of flood.
  s_.Inject(0, Mac(kB), Mac(kA));
  s_.Inject(1, Mac(kA), Mac(kB));
  s_.Inject(0, Mac(kB), Mac(kA));
  s_.Inject(2, Mac(kB), Mac(kC));
  s_.harness.Run();
  const auto frame = [&](const char* to, const char* from, uint32_t number) {
    return FrameTo(to).From(from).Seed(number).Build();
  };
  EXPECT_THAT(s_.harness.Sent(PortId(1)),
              ElementsAre(frame(kB, kA, 1), frame(kB, kA, 3), frame(kB, kC, 4)));
  EXPECT_THAT(s_.harness.Sent(PortId(2)), ElementsAre(frame(kB, kA, 1), frame(kB, kA, 3)));
  EXPECT_EQ(Send(0, kB, kA), "1");  // the next frame knows
  EXPECT_EQ(s_.Missing(), 0);
}

TEST_F(L2SwitchTest, KeepsTheOrderOfEachFlow) {
  // 600 packets of three ports, interleaved, in vectors of 256, with learning on the way.
  std::vector<Bytes> to_one;
  for (uint32_t i = 0; i < 600; ++i) {
    const char* const source[] = {kA, kB, kC};
    const auto port = static_cast<uint16_t>(i * 7 % 3);
    const char* destination = port == 1 ? kA : kB;
    s_.Inject(port, Mac(destination), Mac(source[port]));
    if (port == 0) to_one.push_back(FrameTo(kB).From(kA).Seed(i + 1).Build());
  }
  s_.harness.Run();
  std::vector<Bytes> from_a;
  for (const Bytes& frame : s_.harness.Sent(PortId(1))) {
    if (frame[11] == 0x0a) from_a.push_back(frame);
  }
  EXPECT_EQ(from_a, to_one);
  EXPECT_EQ(s_.Missing(), 0);
}

TEST_F(L2SwitchTest, StaticEntriesOfPortsThatAreDownAreNotFlooded) {
  ASSERT_TRUE(s_.state->AddStatic(red_, Mac(kD), PortId(6)).ok());
  EXPECT_EQ(Send(4, kD, kC), "6");  // what the output node makes of it is its business
  s_.state->RemovePort(PortId(6));
  EXPECT_EQ(Send(4, kD, kC), "3 5");
}

TEST_F(L2SwitchTest, APortThatGoesDownLosesWhatItLearned) {
  EXPECT_EQ(Send(1, kAll, kB), "0 2");
  s_.state->PortDown(PortId(1));
  EXPECT_EQ(Send(0, kB, kA), "2");
  s_.state->PortUp(PortId(1));
  EXPECT_EQ(Send(0, kB, kA), "1 2");
  EXPECT_EQ(Send(1, kA, kB), "0");
  EXPECT_EQ(Send(0, kB, kA), "1");
}

// Its transmit ring may run before and after it is up, and while it never is.
TEST_F(L2SwitchTest, APortThatIsDownKeepsItsLimits) {
  s_.state->PortDown(PortId(3));
  EXPECT_EQ(Send(3, kAll, kOwn), "4 5") << "its own address is its own";
  EXPECT_EQ(Send(3, kAll, kA), "mac-limit");
  EXPECT_EQ(Send(6, kAll, kOwn), "stolen-source");
  s_.state->PortDown(PortId(4));
  EXPECT_EQ(Send(4, kAll, kA), "5");
  EXPECT_EQ(Send(4, kAll, kB), "mac-limit");
  EXPECT_EQ(s_.state->Entries().size(), 2U);
  s_.state->PortDown(PortId(4));  // who sent goes, without having been up
  EXPECT_EQ(s_.state->Entries().size(), 1U);
  EXPECT_EQ(Send(4, kAll, kB), "5");
}

TEST(L2SwitchTableTest, ANewSourceInAFullTableIsDropped) {
  for (const bool prefetch : {false, true}) {
    SwitchFixture s({.capacity = 1, .seed = 5, .prefetch = prefetch});  // eight places
    s.AddBridge("blue", 0, 1);
    for (uint32_t i = 1; i <= 20; ++i) {
      s.Inject(0, Mac(kAll), weft::testing::MacNumber(i));
    }
    s.harness.Run();
    EXPECT_EQ(s.harness.Sent(PortId(1)).size(), 8u);
    EXPECT_EQ(s.harness.Dropped(PortId(0), "l2-switch", "table-full"), 12u);
    EXPECT_EQ(s.Missing(), 0);
  }
}

TEST(L2SwitchTableTest, AFullVectorOfUnknownDestinations) {
  SwitchFixture s;
  s.AddBridge("blue", 0, 1);
  for (int round = 0; round < 3; ++round) {
    for (uint32_t i = 0; i < Frame::kCapacity; ++i) {
      s.Inject(0, weft::testing::MacNumber(1000 + i % 200), Mac(kA));
    }
  }
  s.harness.Run();
  EXPECT_EQ(s.harness.Sent(PortId(1)).size(), 3 * Frame::kCapacity);
  EXPECT_EQ(s.harness.Counted("l2-switch", "flooded"), 3 * Frame::kCapacity);
  EXPECT_EQ(s.Missing(), 0);
}

TEST(FloodedInFrameTest, HoldsAFrameOfKeysAndForgetsThem) {
  FloodedInFrame flooded;
  const auto key = [](uint32_t n) { return FdbKey(BridgeId(1), weft::testing::MacNumber(n)); };
  EXPECT_FALSE(flooded.Contains(FdbKey()));
  for (int round = 0; round < 70'000; ++round) {  // more than the rounds that it can tell apart
    flooded.Clear();
    ASSERT_FALSE(flooded.Contains(key(1)));
    flooded.Add(key(2));
    ASSERT_FALSE(flooded.Contains(key(1)));
    flooded.Add(key(1));
    ASSERT_TRUE(flooded.Contains(key(1)));
  }
  flooded.Clear();
  for (uint32_t i = 0; i < Frame::kCapacity; ++i) flooded.Add(key(i));
  for (uint32_t i = 0; i < 2 * Frame::kCapacity; ++i) {
    EXPECT_EQ(flooded.Contains(key(i)), i < Frame::kCapacity);
  }
}

TEST_F(L2SwitchTest, TracesWhatItSaw) {
  Send(1, kAll, kB);
  s_.harness.Trace("memory-input", 1);
  Send(0, kB, kA);
  TraceStep step;
  const NodeClass& node = *s_.harness.catalog().Find("l2-switch");
  bool found = false;
  while (s_.harness.graph().trace_ring().Pop(step)) {
    if (step.node != node.id) continue;
    found = true;
    std::vector<std::string> fields;
    for (const TraceField& field : node.trace) {
      fields.push_back(std::string(field.name) + " " + field.format(step.record.data()));
    }
    EXPECT_THAT(fields, ElementsAre("bridge 0", std::string("destination ") + kB,
                                    std::string("source ") + kA, "source-port 0", "flooded no"));
  }
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace weft::l2
