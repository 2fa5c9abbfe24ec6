// SPDX-License-Identifier: Apache-2.0
#include "plugins/packet_generator/generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/module_harness.h"
#include "tests/support/switch_with_plugin.h"

// NOLINTNEXTLINE(readability-identifier-naming): the name is what a loader looks for
extern "C" const weft::PluginDescriptor weft_plugin;

namespace weft::packet_generator {
namespace {

using ::testing::ElementsAre;
using testing::GraphHarness;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ModuleHarness;
using testing::SwitchWithPlugin;
using namespace std::chrono_literals;

constexpr PortId kOne(0), kTwo(1);
using OneRun = Run;  // gtest's fixtures have a Run of their own

// Sends what is no stream's to where only streams' packets belong.
class Misled final : public Feature<Misled> {
 public:
  static constexpr NodeSpec kSpec{.name = "misled", .arc = "port-input", .help = "Misleads."};
  enum class Next : uint8_t { kThere };
  static constexpr auto kNexts = Labels<Next>({{Next::kThere, "generator-enter", "all of it"}});
  void Process(Frame& frame) {
    ForEach(frame, [](Packet&) -> Verdict { return Next::kThere; });
  }
};

class GeneratorTest : public ::testing::Test {
 protected:
  GeneratorTest() {
    graph_.Add<Generator<Side::kIngress>>(std::cref(ingress_), WorkerId(0));
    graph_.Add<Generator<Side::kEgress>>(std::cref(egress_), WorkerId(0));
    graph_.Add<Generator<Side::kWithin>>(std::cref(within_), WorkerId(0), made_);
    graph_.Add<GeneratorEnter>(made_);
    graph_.Add<Misled>();
    graph_.AddStandIns();
    graph_.Wire({{.port = kOne}, {.port = kTwo}});
    graph_.graph().UseClock(clock_);
  }
  static std::shared_ptr<OneRun> RunOf(std::string rate, uint64_t count, uint16_t worker = 0,
                                       const Aim& aim = {.out_port = kOne}) {
    StreamConfig config;
    config.rate = std::move(rate);
    config.count = count;
    return std::make_shared<OneRun>(*Stream::Make(config), kOne, WorkerId(worker), aim);
  }
  void Set(Published<Runs>& side, Runs runs) {
    side.Store(graph_.rcu(), std::make_unique<const Runs>(std::move(runs)));
  }
  void Poll(size_t rounds) {
    for (size_t i = 0; i < rounds; ++i) graph_.graph().PollInputs();
  }

  // How the worker may sleep now.
  SleepSet Sleep() {
    SleepSet set;
    EXPECT_TRUE(Generator<Side::kIngress>(ingress_, WorkerId(0)).CanSleep());
    graph_.graph().PrepareSleep(set);
    return set;
  }

  Published<Runs> ingress_, egress_, within_;
  const std::shared_ptr<MadeVector> made_ = std::make_shared<MadeVector>();
  SimulatedClock clock_;
  GraphHarness graph_;
};

TEST_F(GeneratorTest, MakesAsManyAsAreAskedForAndIsDone) {
  const auto run = RunOf("max", 1000);
  Set(ingress_, {run});
  Poll(3);
  EXPECT_EQ(run->made.value(), 768U);
  EXPECT_FALSE(run->done.load());
  Poll(3);
  EXPECT_EQ(run->made.value(), 1000U);
  EXPECT_TRUE(run->done.load());
  EXPECT_EQ(graph_.Sent(kTwo).size(), 1000U) << "as if port 0 had sent them";
  EXPECT_EQ(graph_.Counted("generator-ingress", "made"), 1000U);
}

TEST_F(GeneratorTest, MakesPacketsForAPort) {
  Set(egress_, {RunOf("max", 10)});
  Poll(1);
  EXPECT_EQ(graph_.Sent(kOne).size(), 10U);
  EXPECT_EQ(graph_.Counted("generator-egress", "made"), 10U);
}

// Two streams in one vector, and each where it is aimed at; the switch is not asked.
TEST_F(GeneratorTest, PutsPacketsIntoAnArc) {
  const PortTable ports(graph_.rcu());
  const Arcs arcs(graph_.catalog(), ports);
  const auto aim = [&](std::string_view into, PortId out) {
    return Aim{.side = Side::kWithin, .target = arcs.Find(into, kOne)->target, .out_port = out};
  };
  const auto to_one = RunOf("max", 300, 0, aim("port-output", kOne));
  const auto to_two = RunOf("max", 2, 0, aim("port-output", kTwo));
  const auto switched = RunOf("max", 5, 0, aim("pair-switch", PortId()));
  Set(within_, {to_two, to_one, switched});
  Poll(3);
  EXPECT_EQ(graph_.Sent(kOne).size(), 300U);
  EXPECT_EQ(graph_.Sent(kTwo).size(), 2U + 5U);
  EXPECT_EQ(graph_.Counted("generator-within", "made"), 307U);
  EXPECT_EQ(graph_.Node("generator-enter").packets.value(), 307U);
  EXPECT_EQ(graph_.Node("pair-switch").packets.value(), 5U);
  EXPECT_EQ(graph_.DroppedTotal(), 0U);
}

TEST_F(GeneratorTest, WhatHasNowhereToGoIsCounted) {
  Set(within_, {RunOf("max", 3, 0, {.side = Side::kWithin, .target = {.node = 0xfffe}})});
  Poll(1);
  Set(within_,
      {RunOf("max", 4, 0,
             {.side = Side::kWithin, .target = {.way = ArcTarget::Way::kNode, .node = 0xfffe}})});
  Poll(1);
  EXPECT_EQ(graph_.Dropped(kOne, "generator-enter", "arc-gone"), 4U);
  EXPECT_EQ(graph_.SentTotal(), 3U) << "the arc port-input has no features, and needs no entry";
}

TEST_F(GeneratorTest, WhatNoStreamHasMadeIsDropped) {
  graph_.Wire({{.port = kOne, .features = {{"misled", std::make_shared<int>()}}}, {.port = kTwo}});
  Set(within_,
      {RunOf("max", 2, 0,
             {.side = Side::kWithin, .target = {.way = ArcTarget::Way::kNode, .node = 0xfffe}})});
  Poll(1);
  graph_.Inject(kOne, testing::FrameTo(testing::MacNumber(1)).Build());
  graph_.Run();
  EXPECT_EQ(graph_.Dropped(kOne, "generator-enter", "stray"), 1U);
  EXPECT_EQ(graph_.Dropped(kOne, "generator-enter", "arc-gone"), 2U);
  EXPECT_EQ(graph_.SentTotal(), 0U);
}

TEST_F(GeneratorTest, MakesTheFirstAtOnceAndNothingBeforeItIsDue) {
  const auto run = RunOf("1pps", 10);
  Set(ingress_, {run});
  Poll(5);
  EXPECT_EQ(run->made.value(), 1U);
}

TEST_F(GeneratorTest, KeepsItsRateOverTime) {
  const auto run = RunOf("3pps", 1000);
  Set(ingress_, {run});
  Poll(2);
  clock_.Advance(333'333'333ns);
  Poll(2);
  EXPECT_EQ(run->made.value(), 1U);
  clock_.Advance(1ns);
  Poll(2);
  EXPECT_EQ(run->made.value(), 2U);
  // Each millisecond one round: 3 a second, and no fraction gets lost.
  for (int i = 0; i < 10'000; ++i) {
    clock_.Advance(1ms);
    Poll(1);
  }
  EXPECT_EQ(run->made.value(), 1U + 3 * 10 + 1);
  EXPECT_EQ(graph_.Sent(kTwo).size(), run->made.value());
}

TEST_F(GeneratorTest, WhoIsLateCatchesUp) {
  const auto run = RunOf("1kpps", 10'000);
  Set(ingress_, {run});
  Poll(1);
  clock_.Advance(1s);
  Poll(1);
  EXPECT_EQ(run->made.value(), 1U + Frame::kCapacity);
  Poll(3);
  EXPECT_EQ(run->made.value(), 1001U) << "all that were due, and no more";
}

TEST_F(GeneratorTest, LeavesOtherWorkersTheirs) {
  const auto run = RunOf("max", 10, 1);
  Set(ingress_, {run});
  Poll(2);
  EXPECT_EQ(run->made.value(), 0U);
  EXPECT_EQ(graph_.SentTotal(), 0U);
}

TEST_F(GeneratorTest, StreamsTakeTurns) {
  const auto one = RunOf("max", 1'000'000), two = RunOf("max", 1'000'000);
  Set(ingress_, {one, two});
  Poll(10);
  EXPECT_EQ(one->made.value(), 5 * Frame::kCapacity);
  EXPECT_EQ(two->made.value(), 5 * Frame::kCapacity);
}

TEST_F(GeneratorTest, SleepsWhenNothingIsToBeMade) {
  const auto run = RunOf("max", 1);
  EXPECT_FALSE(Sleep().awake());
  Set(ingress_, {run, RunOf("max", 1, 1)});
  EXPECT_TRUE(Sleep().awake());
  Poll(1);
  EXPECT_FALSE(Sleep().awake());
  EXPECT_EQ(Sleep().wake_at(), Time::max());
}

TEST_F(GeneratorTest, SleepsUntilTheNextIsDue) {
  Set(ingress_, {RunOf("1pps", 10), RunOf("10pps", 10)});
  EXPECT_TRUE(Sleep().awake()) << "the first are made at once";
  const Time begin = clock_.Now();
  Poll(1);
  EXPECT_FALSE(Sleep().awake());
  EXPECT_EQ(Sleep().wake_at(), begin + 100ms);
  clock_.Advance(150ms);
  EXPECT_TRUE(Sleep().awake());
  Poll(1);
  EXPECT_EQ(Sleep().wake_at(), begin + 200ms);
}

class ModuleTest : public ::testing::Test {
 protected:
  ModuleTest() : module_(weft_plugin.make()) { module_->Register(harness_.registry()); }
  std::vector<std::string> Errors(std::string_view stream) {
    return harness_.Configure(
        Cat("[[port]]\nname = \"a\"\nmemory = {}\npacket-generator = { streams = [{ ", stream,
            " }] }\n"));
  }

  std::unique_ptr<Module> module_;
  ModuleHarness harness_;
};

TEST_F(ModuleTest, TakesAStream) {
  EXPECT_THAT(Errors("name = \"x\", size = \"imix\", vary = \"source-ip\", order = \"random\""),
              IsEmpty());
}
TEST_F(ModuleTest, NeedsAName) {
  EXPECT_THAT(Errors("rate = \"max\""), ElementsAre(HasSubstr("name")));
}
TEST_F(ModuleTest, RefusesWhatMakesNoSense) {
  const std::vector<std::string> errors =
      Errors("name = \"x\", rate = \"10\", size = \"59\", vary = \"colour\", source-ip = \"x\"");
  EXPECT_THAT(errors, ElementsAre(HasSubstr("\"10\" is no rate"), HasSubstr("\"59\" is no size"),
                                  HasSubstr("no field"), HasSubstr("no IPv4 address")));
}
TEST_F(ModuleTest, RefusesTimesOfNoFile) {
  EXPECT_THAT(Errors("name = \"x\", rate = \"file\""), ElementsAre(HasSubstr("need a file")));
}

constexpr std::string_view kTwoPorts = R"(
[[port]]
name = "a"
vhost = {}
[[port]]
name = "b"
vhost = {}
)";

TEST(GeneratorInto, AnyArcThatThereIs) {
  SwitchWithPlugin one(weft_plugin.make(), kTwoPorts);
  for (const std::string_view into : {"flood", "l2-switch", "port-input", "memory-output"}) {
    EXPECT_EQ(one.Ask(Cat("packet-generator add ", into, " a rate=max count=1 into=", into)), "");
  }
  one->Run(2);
  EXPECT_EQ(one.Sent("a").size(), 1U);
  EXPECT_EQ(one.Sent("b").size(), 3U) << "by flood, and by way of it";
  EXPECT_THAT(one.Ask("show packet-generator"), HasSubstr("memory-output"));
}

TEST(GeneratorInto, OneThatThereIsNotIsRefusedWithThoseThatThereAre) {
  SwitchWithPlugin one(weft_plugin.make(), kTwoPorts);
  const auto refusal = [&](std::string_view into) {
    return one.Ask(Cat("packet-generator add x a into=", into));
  };
  EXPECT_THAT(refusal("flod"), HasSubstr("stream \"x\": there is no arc \"flod\" (there are: "
                                         "ingress, egress, "));
  EXPECT_THAT(refusal("flod"), HasSubstr(", flood"));
  EXPECT_THAT(refusal("flod"), ::testing::Not(HasSubstr("generator-")));
  EXPECT_THAT(refusal("generator-enter"), HasSubstr("there is no arc"));
  EXPECT_THAT(refusal("memory-input"), HasSubstr("there is no arc"));
  EXPECT_EQ(refusal("packet-generator"),
            "stream \"x\": port \"a\" has no feature \"packet-generator\"");
  EXPECT_THAT(one.Ask("show packet-generator"), HasSubstr("no streams"));
}

constexpr std::string_view kStreams = R"(
[[port]]
name = "a"
vhost = {}
packet-generator = { streams = [
  { name = "all", rate = "max", count = 3, vary = "source-ip" },
  { name = "gone", rate = "10pps" },
] }
[[port]]
name = "b"
vhost = {}
)";

// The last octets of what b was sent.
std::vector<int> Arrived(SwitchWithPlugin& build) {
  std::vector<int> numbers;
  for (const testing::Bytes& frame : build.Sent("b")) numbers.push_back(frame[29]);
  return numbers;
}

TEST(GeneratorState, IsHandedToAnotherBuild) {
  SwitchWithPlugin before(weft_plugin.make(), kStreams), after(weft_plugin.make(), kStreams);
  EXPECT_EQ(before.Ask("packet-generator delete gone"), "");
  for (const std::string_view settings :
       {"mine a rate=10pps count=6 vary=source-ip source-ip=198.18.0.11 size=60-90 seed=7",
        "off a start=false", "halted a rate=10pps source-ip=198.18.0.99"}) {
    EXPECT_EQ(before.Ask(Cat("packet-generator add ", settings)), "");
  }
  before->Run();
  EXPECT_EQ(before.Ask("packet-generator stop halted"), "");
  before->Wait(250ms);
  before->Run();
  EXPECT_THAT(Arrived(before), ::testing::UnorderedElementsAre(1, 2, 3, 11, 99, 12, 13));
  EXPECT_EQ(MessageOf(after.plugin().RestoreState(before.plugin().SaveState())), "");
  EXPECT_EQ(after.Ask("show packet-generator"), before.Ask("show packet-generator"));
  // From the packet and at the time where the build before was.
  after->Wait(250ms);
  after->Run();
  EXPECT_THAT(Arrived(after), IsEmpty());
  after->Wait(49ms);
  after->Run();
  EXPECT_THAT(Arrived(after), IsEmpty());
  after->Wait(1ms);
  after->Run();
  EXPECT_THAT(Arrived(after), ElementsAre(14));
  after->Wait(10s);
  after->Run();
  EXPECT_THAT(Arrived(after), ElementsAre(15, 16));
  EXPECT_THAT(after.Ask("show packet-generator"), HasSubstr("6     6  done"));
  // It is still a stream that one can start anew.
  EXPECT_EQ(after.Ask("packet-generator start mine"), "");
  after->Run();
  EXPECT_THAT(Arrived(after), ElementsAre(11));
}

TEST(GeneratorState, LeavesOutWhatIsOfAPortThatHasGone) {
  SwitchWithPlugin before(weft_plugin.make(), kStreams);
  SwitchWithPlugin after(weft_plugin.make(), "[[port]]\nname = \"b\"\nvhost = {}\n");
  EXPECT_EQ(before.Ask("packet-generator add mine b"), "");
  EXPECT_EQ(MessageOf(after.plugin().RestoreState(before.plugin().SaveState())), "");
  EXPECT_THAT(after.Ask("show packet-generator"), HasSubstr("mine"));
  EXPECT_THAT(after.Ask("show packet-generator"), ::testing::Not(HasSubstr("all")));
}

TEST(GeneratorState, OfABuildThatSaysNothingIsWhatStartupConfSays) {
  SwitchWithPlugin after(weft_plugin.make(), kStreams);
  EXPECT_EQ(MessageOf(after.plugin().RestoreState("")), "");
  after->Run();
  EXPECT_THAT(Arrived(after), ::testing::UnorderedElementsAre(1, 2, 3, 1));
}

TEST(GeneratorState, IsRefusedIfAStreamCannotBeMade) {
  SwitchWithPlugin after(weft_plugin.make(), kStreams);
  EXPECT_THAT(MessageOf(after.plugin().RestoreState(
                  "state = { streams = [{ port = \"a\", stream = { name = \"x\", file = "
                  "\"/nonexistent/x\" } }] }")),
              HasSubstr("stream \"x\": "));
  EXPECT_THAT(MessageOf(after.plugin().RestoreState("state = { steams = [] }")),
              HasSubstr("unknown key \"steams\""));
}

}  // namespace
}  // namespace weft::packet_generator
