// SPDX-License-Identifier: Apache-2.0
#include "plugins/packet_generator/generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/module_harness.h"

// NOLINTNEXTLINE(readability-identifier-naming): the name is what a loader looks for
extern "C" const weft::PluginDescriptor weft_plugin;

namespace weft::packet_generator {
namespace {

using ::testing::ElementsAre;
using testing::GraphHarness;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ModuleHarness;

constexpr uint64_t kStands = ~uint64_t{0};  // ticks a second: none of them is a nanosecond
constexpr PortId kOne(0), kTwo(1);
using OneRun = Run;  // gtest's fixtures have a Run of their own

class GeneratorTest : public ::testing::Test {
 protected:
  GeneratorTest() {
    graph_.Add<Generator<Arc::kPortInput>>(std::cref(ingress_), WorkerId(0), kStands);
    graph_.Add<Generator<Arc::kPortOutput>>(std::cref(egress_), WorkerId(0), kStands);
    graph_.AddStandIns();
    graph_.Wire({{.port = kOne}, {.port = kTwo}});
  }
  static std::shared_ptr<OneRun> RunOf(std::string rate, uint64_t count, uint16_t worker = 0) {
    StreamConfig config;
    config.rate = std::move(rate);
    config.count = count;
    return std::make_shared<OneRun>(*Stream::Make(config), kOne, WorkerId(worker));
  }
  void Set(Published<Runs>& side, Runs runs) {
    side.Store(graph_.rcu(), std::make_unique<const Runs>(std::move(runs)));
  }
  void Poll(size_t rounds) {
    for (size_t i = 0; i < rounds; ++i) graph_.graph().PollInputs();
  }

  Published<Runs> ingress_, egress_;
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

TEST_F(GeneratorTest, MakesTheFirstAtOnceAndNothingBeforeItIsDue) {
  const auto run = RunOf("1pps", 10);
  Set(ingress_, {run});
  Poll(5);
  EXPECT_EQ(run->made.value(), 1U);
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
  Generator<Arc::kPortInput> node(ingress_, WorkerId(0), kStands);
  EXPECT_TRUE(node.CanSleep());
  Set(ingress_, {run});
  EXPECT_FALSE(node.CanSleep());
  Poll(1);
  EXPECT_TRUE(node.CanSleep());
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

}  // namespace
}  // namespace weft::packet_generator
