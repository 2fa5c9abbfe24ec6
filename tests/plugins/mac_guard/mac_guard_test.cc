// SPDX-License-Identifier: Apache-2.0
// The plugin as a unit: its source is linked into this program and reached through what WEFT_PLUGIN
// made of it. That its .so can be loaded is tests/core/plugin's business.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/sdk/weft.h"
#include "tests/support/module_harness.h"

// NOLINTNEXTLINE(readability-identifier-naming): the name is what a loader looks for
extern "C" const weft::PluginDescriptor weft_plugin;

namespace weft {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using testing::FrameTo;
using testing::GraphHarness;
using ::testing::IsEmpty;
using testing::Mac;
using testing::MacNumber;
using testing::ModuleHarness;

constexpr PortId kGuarded(0), kFree(1);
constexpr std::string_view kOwn = "02:00:00:00:00:11";
constexpr std::string_view kPorts = R"(
[[port]]
name = "web-1"
memory = {}
mac-guard = { allow = "02:00:00:00:00:11" }

[[port]]
name = "web-2"
memory = {}
)";

class MacGuardTest : public ::testing::Test {
 protected:
  MacGuardTest() : module_(weft_plugin.make()) {
    module_->Register(harness_.registry());
    EXPECT_TRUE(harness_.registry().status().ok());
  }
  void Configure() { ASSERT_THAT(harness_.Configure(kPorts), IsEmpty()); }
  GraphHarness& graph() { return harness_.graph(); }
  uint64_t Spoofed(PortId port) { return graph().Dropped(port, "mac-guard", "spoofed"); }

  std::unique_ptr<Module> module_;
  ModuleHarness harness_;
};

TEST_F(MacGuardTest, IsDescribed) {
  EXPECT_STREQ(weft_plugin.name, "mac-guard");
  EXPECT_EQ(module_->name(), "mac-guard");
}

TEST_F(MacGuardTest, PassesItsOwnAddressAndDropsOthers) {
  Configure();
  const Bytes own = FrameTo(MacNumber(1)).From(kOwn).Seed(1).Build();
  const Bytes spoofed = FrameTo(MacNumber(1)).From(MacNumber(0x12)).Seed(2).Build();
  const Bytes own_again = FrameTo(MacNumber(2)).From(kOwn).Seed(3).Build();
  for (const Bytes& frame : {own, spoofed, own_again}) graph().Inject(kGuarded, frame);
  EXPECT_EQ(graph().Run(), 3U);
  EXPECT_THAT(graph().Sent(kFree), ElementsAre(own, own_again));
  EXPECT_EQ(Spoofed(kGuarded), 1U);
  EXPECT_EQ(graph().DroppedTotal(), 1U);
}

TEST_F(MacGuardTest, ComparesTheWholeAddress) {
  Configure();
  for (size_t octet = 0; octet < 6; ++octet) {
    Bytes frame = FrameTo(MacNumber(1)).From(kOwn).Build();
    frame[6 + octet] ^= 1;
    graph().Inject(kGuarded, frame);
  }
  EXPECT_EQ(graph().Run(), 6U);
  EXPECT_EQ(Spoofed(kGuarded), 6U);
  EXPECT_EQ(graph().SentTotal(), 0U);
}

TEST_F(MacGuardTest, LeavesPortsWithoutItsTableAlone) {
  Configure();
  const Bytes frame = FrameTo(MacNumber(1)).From(MacNumber(0x99)).Build();
  graph().Inject(kFree, frame);
  graph().Run();
  EXPECT_THAT(graph().Sent(kGuarded), ElementsAre(frame));
  EXPECT_EQ(graph().DroppedTotal(), 0U);
}

TEST_F(MacGuardTest, KeepsOrderAndLosesNothingInVectorsOfAnySize) {
  Configure();
  uint64_t spoofed = 0;
  std::vector<Bytes> expected;
  for (const size_t size : {size_t{1}, size_t{2}, size_t{255}, size_t{256}}) {
    for (size_t i = 0; i < size; ++i) {
      const bool bad = i % 3 == 1;
      const Bytes frame = FrameTo(MacNumber(1))
                              .From(bad ? MacNumber(0x666) : Mac(kOwn))
                              .Seed(static_cast<uint32_t>(i))
                              .Build();
      graph().Inject(kGuarded, frame);
      spoofed += bad ? 1 : 0;
      if (!bad) expected.push_back(frame);
    }
    EXPECT_EQ(graph().Run(), size);
  }
  EXPECT_EQ(graph().Sent(kFree), expected);
  EXPECT_EQ(Spoofed(kGuarded), spoofed);
}

TEST_F(MacGuardTest, TraceShowsTheSource) {
  Configure();
  const NodeClass& node = *graph().catalog().Find("mac-guard");
  graph().Trace("mac-guard", 1);
  graph().Inject(kGuarded, FrameTo(MacNumber(1)).From(MacNumber(0x12)).Build());
  graph().Run();

  std::vector<std::string> sources;
  TraceStep step;
  while (graph().graph().trace_ring().Pop(step)) {
    if (step.node != node.id) continue;
    EXPECT_TRUE(IsDrop(step.verdict));
    ASSERT_EQ(node.trace.size(), 1U);
    EXPECT_EQ(node.trace[0].name, "source");
    sources.push_back(node.trace[0].format(step.record.data()));
  }
  EXPECT_THAT(sources, ElementsAre("02:00:00:00:00:12"));
}

TEST_F(MacGuardTest, AsksForAnAddress) {
  EXPECT_THAT(harness_.Configure("[[port]]\nname = \"a\"\nmemory = {}\nmac-guard = {}\n"),
              ElementsAre("startup.conf:4:13: port \"a\": mac-guard: missing key \"allow\""));
}

TEST_F(MacGuardTest, RefusesWhatIsNoAddressAndUnknownKeys) {
  const std::vector<std::string> errors = harness_.Configure(
      "[[port]]\nname = \"a\"\nmemory = {}\nmac-guard = { allow = \"02:00\", alow = 1 }\n");
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_THAT(errors[0],
              ::testing::HasSubstr(
                  "startup.conf:4:23: port \"a\": mac-guard.allow: \"02:00\" is no MAC address"));
  EXPECT_THAT(errors[1], ::testing::HasSubstr("unknown key \"alow\" (did you mean \"allow\"?)"));
}

}  // namespace
}  // namespace weft
