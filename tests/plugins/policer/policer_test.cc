// SPDX-License-Identifier: Apache-2.0
// The nodes in a graph, on a clock that stands still unless it is moved.
#include "plugins/policer/policer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/module_harness.h"
#include "tests/support/switch_with_plugin.h"

// NOLINTNEXTLINE(readability-identifier-naming): the name is what a loader looks for
extern "C" const weft::PluginDescriptor weft_plugin;

namespace weft::policer {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using testing::FrameTo;
using testing::GraphHarness;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MacNumber;
using testing::ModuleHarness;
using testing::SwitchWithPlugin;
using namespace std::chrono_literals;

constexpr PortId kOne(0), kTwo(1), kThree(2), kFour(3);

Bytes Numbered(uint32_t number, size_t size = 60) {
  return FrameTo(MacNumber(1)).Seed(number).Size(size).Build();
}

class PolicerTest : public ::testing::Test {
 protected:
  void Limit(Published<Buckets>& side, PortId port, std::string_view rate, uint64_t burst) {
    auto next = side.Load() == nullptr ? std::make_unique<Buckets>()
                                       : std::make_unique<Buckets>(*side.Load());
    (*next)[port.value()] = std::make_shared<const Policed>(*ParseRate(rate), burst);
    side.Store(graph_.rcu(), std::move(next));
  }
  // Ports 0 to 3, each with these features; 0 and 1, 2 and 3 are joined.
  void Wire(const std::vector<std::string>& features, bool dry = false) {
    graph_.Add<Policer<Arc::kPortInput>>(std::cref(input_), dry);
    graph_.Add<Policer<Arc::kPortOutput>>(std::cref(output_), dry);
    NodeClass stand_in = NodeClassOf<testing::PairSwitch>(
        [](WorkerId) { return std::make_unique<testing::PairSwitch>(); });
    stand_in.spec.name = "l2-switch";
    graph_.AddClass(std::move(stand_in));
    graph_.AddStandIns();
    std::vector<PortWiring> ports;
    for (const PortId port : {kOne, kTwo, kThree, kFour}) {
      PortWiring wiring{.port = port};
      for (const std::string& feature : features)
        wiring.features.push_back({feature, std::make_shared<const PolicerConfig>()});
      ports.push_back(std::move(wiring));
    }
    graph_.Wire(std::move(ports));
    graph_.graph().UseClock(clock_);
  }
  // How many of `count` packets pass that port 0 sends now.
  size_t Pass(uint32_t count, size_t size = 60) {
    const size_t before = graph_.Sent(kTwo).size();
    for (uint32_t i = 0; i < count; ++i) graph_.Inject(kOne, Numbered(i, size));
    graph_.Run();
    return graph_.Sent(kTwo).size() - before;
  }
  uint64_t Exceeded(PortId port, std::string_view node) {
    return graph_.Dropped(port, node, "exceeded");
  }

  Published<Buckets> input_, output_;
  SimulatedClock clock_;
  GraphHarness graph_;
};

TEST_F(PolicerTest, PassesTheBurstInOrderAndDropsTheRest) {
  Limit(input_, kOne, "10kpps", 300);
  Wire({"ingress-policer"});
  std::vector<Bytes> expected;
  for (uint32_t i = 0; i < 1000; ++i) {
    graph_.Inject(kOne, Numbered(i));
    if (i < 300) expected.push_back(Numbered(i));
  }
  EXPECT_EQ(graph_.Run(), 1000U);
  EXPECT_EQ(graph_.Sent(kTwo), expected);
  EXPECT_EQ(Exceeded(kOne, "ingress-policer"), 700U);
  EXPECT_EQ(graph_.DroppedTotal(), 700U);
  EXPECT_EQ(graph_.Counted("ingress-policer", "conform"), 300U);
  EXPECT_EQ(graph_.Counted("ingress-policer", "exceed"), 700U);
  const Policed& policed = *(*input_.Load())[kOne.value()];
  EXPECT_EQ(policed.conform.load(), 300U);
  EXPECT_EQ(policed.exceed.load(), 700U);
}

TEST_F(PolicerTest, CountsTheBytesOfFramesAndLetsAShorterOneBy) {
  Limit(input_, kOne, "1Mbit/s", 1000);
  Wire({"ingress-policer"});
  for (const size_t size : {size_t{600}, size_t{401}, size_t{400}, size_t{60}})
    graph_.Inject(kOne, Numbered(0, size));
  graph_.Run();
  EXPECT_THAT(graph_.Sent(kTwo), ElementsAre(Numbered(0, 600), Numbered(0, 400)));
  EXPECT_EQ(Exceeded(kOne, "ingress-policer"), 2U);
}

TEST_F(PolicerTest, HasABucketForEachPortOfAVector) {
  Limit(input_, kOne, "1pps", 10);
  Limit(input_, kThree, "1pps", 20);
  Wire({"ingress-policer"});
  for (uint32_t i = 0; i < 100; ++i) {
    graph_.Inject(kOne, Numbered(i));
    graph_.Inject(kThree, Numbered(i));
    graph_.Inject(kFour, Numbered(i));  // which nobody limits (yet)
  }
  EXPECT_EQ(graph_.Run(), 300U);
  EXPECT_EQ(graph_.Sent(kTwo).size(), 10U);
  EXPECT_EQ(graph_.Sent(kFour).size(), 20U);
  EXPECT_EQ(graph_.Sent(kThree).size(), 100U);
  EXPECT_EQ(Exceeded(kOne, "ingress-policer"), 90U);
  EXPECT_EQ(Exceeded(kThree, "ingress-policer"), 80U);
  EXPECT_EQ(graph_.DroppedTotal(), 170U);
}

TEST_F(PolicerTest, TokensComeWithTime) {
  Limit(input_, kOne, "10pps", 4);
  Wire({"ingress-policer"});
  EXPECT_EQ(Pass(100), 4U);
  clock_.Advance(99'999'999ns);
  EXPECT_EQ(Pass(100), 0U);
  clock_.Advance(1ns);
  EXPECT_EQ(Pass(100), 1U);
  clock_.Advance(250ms);
  EXPECT_EQ(Pass(100), 2U);
  clock_.Advance(50ms);
  EXPECT_EQ(Pass(100), 1U) << "the half of a token that was left";
  clock_.Advance(1h);
  EXPECT_EQ(Pass(100), 4U) << "no more than the bucket holds";
}

// Whatever the moments are at which packets come: the burst, and what the time brings.
TEST_F(PolicerTest, PassesTheBurstAndTheRate) {
  Limit(input_, kOne, "8Mbit/s", 10'000);  // a byte in a microsecond
  Wire({"ingress-policer"});
  uint64_t bytes = 0, microseconds = 0;
  for (uint32_t i = 0; i < 2000; ++i) {
    bytes += 100 * Pass(2, 100);
    const uint32_t pause = 1 + i * 7919 % 150;  // never long enough for both
    clock_.Advance(std::chrono::microseconds(pause));
    microseconds += pause;
  }
  bytes += 100 * Pass(1000, 100);
  EXPECT_EQ(bytes, (10'000 + microseconds) / 100 * 100);
}

TEST_F(PolicerTest, LimitsWhatAPortIsSent) {
  Limit(output_, kTwo, "1pps", 5);
  Limit(output_, kOne, "1pps", 7);
  Wire({"egress-policer"});
  for (uint32_t i = 0; i < 50; ++i) {
    graph_.Inject(kOne, Numbered(i));
    graph_.Inject(kTwo, Numbered(i));
  }
  EXPECT_EQ(graph_.Run(), 100U);
  EXPECT_EQ(graph_.Sent(kTwo).size(), 5U);
  EXPECT_EQ(graph_.Sent(kOne).size(), 7U);
  EXPECT_EQ(Exceeded(kTwo, "egress-policer"), 45U);
  EXPECT_EQ(Exceeded(kOne, "egress-policer"), 43U);
}

TEST_F(PolicerTest, LimitsBothWaysAtOnce) {
  Limit(input_, kOne, "1pps", 20);
  Limit(output_, kTwo, "1pps", 8);
  Wire({"ingress-policer", "egress-policer"});
  for (uint32_t i = 0; i < 50; ++i) graph_.Inject(kOne, Numbered(i));
  EXPECT_EQ(graph_.Run(), 50U);
  EXPECT_EQ(graph_.Sent(kTwo).size(), 8U);
  EXPECT_EQ(Exceeded(kOne, "ingress-policer"), 30U);
  EXPECT_EQ(Exceeded(kTwo, "egress-policer"), 12U);
}

TEST_F(PolicerTest, ADryRunTakesNoToken) {
  Limit(input_, kOne, "1pps", 3);
  Wire({"ingress-policer"}, true);
  for (uint32_t i = 0; i < 10; ++i) graph_.Inject(kOne, Numbered(i));
  graph_.Run();
  EXPECT_EQ(graph_.Sent(kTwo).size(), 10U);
  const Policed& policed = *(*input_.Load())[kOne.value()];
  EXPECT_EQ(policed.bucket.Level(0), 3U);
  EXPECT_EQ(policed.conform.load(), 0U);
}

TEST_F(PolicerTest, TraceShowsTheBucket) {
  Limit(input_, kOne, "1pps", 3);
  Wire({"ingress-policer"});
  graph_.Trace("ingress-policer", 1);
  graph_.Inject(kOne, Numbered(0));
  graph_.Run();
  const NodeClass& node = *graph_.catalog().Find("ingress-policer");
  std::vector<std::string> shown;
  TraceStep step;
  while (graph_.graph().trace_ring().Pop(step)) {
    if (step.node == node.id) shown.push_back(node.trace[0].format(step.record.data()));
  }
  EXPECT_THAT(shown, ElementsAre("2"));
}

TEST(OnWire, CountsTheSegmentsOfWhatIsToBeCut) {
  PacketSlot slot;
  Packet& packet = slot.packet;
  uint8_t* const header = packet.snapshot() + Packet::kVirtioNetHeader;
  std::fill_n(header, Packet::kMaxHeader, uint8_t{0});
  header[34 + 12] = 0x80;  // TCP's header has eight words
  packet.Reset(kOne, header, 116);
  std::vector<uint8_t> payload(5000);
  packet.SetPayload({ForeignPtr(payload.data()), 5000});
  EXPECT_EQ(OnWireOf(packet).packets, 1U);
  EXPECT_EQ(OnWireOf(packet).bytes, 5116U);
  packet.set_offload({.needs = kOffloadChecksum, .transport = 34, .segment_size = 0});
  EXPECT_EQ(OnWireOf(packet).packets, 1U);
  EXPECT_EQ(OnWireOf(packet).bytes, 5116U);
  // 5116 - 66 = 5050 bytes of TCP payload: five of 1000 and one of 50, each with 66 before it.
  packet.set_offload(
      {.needs = kOffloadChecksum | kOffloadTso4, .transport = 34, .segment_size = 1000});
  EXPECT_EQ(OnWireOf(packet).packets, 6U);
  EXPECT_EQ(OnWireOf(packet).bytes, 5050U + 6 * 66);
}

class PolicerModuleTest : public ::testing::Test {
 protected:
  PolicerModuleTest() : module_(weft_plugin.make()) {
    module_->Register(harness_.registry());
    EXPECT_TRUE(harness_.registry().status().ok());
  }
  std::vector<std::string> Errors(std::string_view table) {
    return harness_.Configure(
        Cat("[[port]]\nname = \"a\"\nmemory = {}\ningress-policer = ", table, "\n"));
  }

  std::unique_ptr<Module> module_;
  ModuleHarness harness_;
};

TEST_F(PolicerModuleTest, IsDescribed) {
  EXPECT_STREQ(weft_plugin.name, "policer");
  EXPECT_EQ(module_->name(), "policer");
}

TEST_F(PolicerModuleTest, AsksForARate) {
  EXPECT_THAT(Errors("{}"),
              ElementsAre("startup.conf:4:19: port \"a\": ingress-policer: missing key \"rate\""));
}

TEST_F(PolicerModuleTest, RefusesWhatIsNoRate) {
  EXPECT_THAT(
      Errors("{ rate = \"10\" }"),
      ElementsAre(HasSubstr("startup.conf:4:28: port \"a\": ingress-policer.rate: \"10\" is no "
                            "rate; write one like 10kpps or 100Mbit/s")));
}

TEST_F(PolicerModuleTest, RefusesABurstOfNothing) {
  EXPECT_THAT(Errors("{ rate = \"1pps\", burst = 0 }"), ElementsAre(HasSubstr("burst")));
}

// What the module makes of a port's tables; that workers see it is the case's business.
TEST_F(PolicerModuleTest, RefusesABurstThatNoFrameFitsInto) {
  PortConfig port;
  port.name = "a";
  PolicerConfig table;
  table.rate = "1Mbit/s";
  table.burst = 1517;
  const auto set = [&] {
    port.features["egress-policer"] = {&SchemaOf<PolicerConfig>(),
                                       std::make_shared<PolicerConfig>(table)};
    return module_->AddPort(kOne, port);
  };
  EXPECT_EQ(MessageOf(set()),
            "port \"a\": egress-policer.burst: 1517 bytes are less than a frame of the port's mtu "
            "(1518), which would never pass");
  table.burst = 1518;
  EXPECT_TRUE(set().ok());
  table.rate = "1pps";
  table.burst = 1;
  EXPECT_TRUE(set().ok());
  module_->RemovePort(kOne);
}

constexpr std::string_view kLimited = R"(
[[port]]
name = "a"
vhost = {}
ingress-policer = { rate = "10pps", burst = 4 }
egress-policer = { rate = "1kbit/s", burst = 1518 }
[[port]]
name = "b"
vhost = {}
)";

size_t Passed(SwitchWithPlugin& build, uint32_t packets) {
  for (uint32_t i = 0; i < packets; ++i)
    build.Send("a", FrameTo(MacNumber(2)).From(MacNumber(1)).Seed(i).Build());
  build->Run();
  return build.Sent("b").size();
}

TEST(PolicerState, IsHandedToAnotherBuild) {
  SwitchWithPlugin before(weft_plugin.make(), kLimited), after(weft_plugin.make(), kLimited);
  before->Wait(1s);
  after->Wait(1s);
  EXPECT_EQ(Passed(before, 3), 3U);
  EXPECT_EQ(MessageOf(after.plugin().RestoreState(before.plugin().SaveState())), "");
  EXPECT_EQ(before.Ask("show policer"), after.Ask("show policer"));
  EXPECT_EQ(Passed(after, 3), 1U) << "what the bucket had left";
  after->Wait(100ms);
  EXPECT_EQ(Passed(after, 3), 1U);
  EXPECT_THAT(after.Ask("show policer"),
              HasSubstr("a     ingress-policer  10pps        4        5       4"));
}

TEST(PolicerState, OfABuildThatSaysNothingIsAFullBucket) {
  SwitchWithPlugin after(weft_plugin.make(), kLimited);
  EXPECT_EQ(MessageOf(after.plugin().RestoreState("")), "");
  EXPECT_EQ(Passed(after, 10), 4U);
}

TEST(PolicerState, IsRefusedIfItMeansNothing) {
  SwitchWithPlugin after(weft_plugin.make(), kLimited);
  EXPECT_THAT(MessageOf(after.plugin().RestoreState("state = { bukets = [] }")),
              HasSubstr("unknown key \"bukets\""));
}

}  // namespace
}  // namespace weft::policer
