// SPDX-License-Identifier: Apache-2.0
// Plugins come, are replaced and go while packets flow: none is lost, each build is seen to run,
// and its code is gone afterwards. WEFT_TEST_TURNS says how often; ctest does it a few times.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>

#include "tests/core/plugin/plugin_switch.h"
#include "tests/support/descriptors.h"
#include "tests/support/own_memory.h"

namespace weft {
namespace {

using testing::Copies;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Sample;
using ::testing::StartsWith;

int Turns() {
  const char* turns = std::getenv("WEFT_TEST_TURNS");
  return turns == nullptr ? 30 : std::atoi(turns);
}

// Descriptors and memory once they are warm, which all other turns leave as they are.
class Flat {
 public:
  void After(int turn) {
    if (turn != std::min(2 * Turns() / 3, 200)) return;
    descriptors_ = testing::OpenDescriptors();
    memory_ = testing::OwnMemory();
  }
  void Expect() const {
    EXPECT_EQ(testing::OpenDescriptors(), descriptors_);
    if (memory_) {
      EXPECT_LE(*testing::OwnMemory(), *memory_ + kSlack);
    }
  }

 private:
  static constexpr size_t kSlack = 256;  // KiB: the log of 1,000 events fills

  size_t descriptors_ = 0;
  std::optional<size_t> memory_;
};

class SwitchPluginsTest : public testing::PluginSwitch {
 protected:
  void SetUp() override { Begin(); }
};

TEST_F(SwitchPluginsTest, LoadsAndUnloadsUnderTraffic) {
  Flat flat;
  for (int turn = 1; turn <= Turns(); ++turn) {
    SCOPED_TRACE(turn);
    ASSERT_EQ(Run("plugin load " + Sample("a/turnstile")),
              "plugin turnstile a is loaded: turnstile\n");
    ASSERT_EQ(Copies("turnstile.so"), 1U);
    EXPECT_EQ(Dropped("by-a"), 0U) << "the counts of the one before are not its own";
    ASSERT_EQ(SetFeatures("turnstile = {}"), "");
    ASSERT_TRUE(harness_.Until([&] { return Dropped("by-a") > 0; }));
    ASSERT_EQ(Run("plugin unload turnstile"),
              "error: plugin turnstile is needed by port a (turnstile); take it from them first");
    EXPECT_EQ(Run("show turnstile"), "a 0\n");
    ASSERT_EQ(SetFeatures(""), "");
    ASSERT_THAT(Run("plugin unload turnstile"), StartsWith("plugin turnstile leaves"));
    EXPECT_THAT(Run("show turnstile"), HasSubstr("error: "));
    ExpectGone();
    ASSERT_THAT(States(), IsEmpty());
    ASSERT_EQ(Copies("turnstile.so"), 0U);
    flat.After(turn);
  }
  flat.Expect();
  ExpectNothingLost();
}

TEST_F(SwitchPluginsTest, ReplacesUnderTraffic) {
  ASSERT_EQ(Run("plugin load " + Sample("a/turnstile")),
            "plugin turnstile a is loaded: turnstile\n");
  ASSERT_EQ(SetFeatures("turnstile = {}"), "");
  Flat flat;
  for (int turn = 1; turn <= Turns(); ++turn) {
    SCOPED_TRACE(turn);
    const std::string build = turn % 2 == 0 ? "a" : "b";
    const std::string before = turn % 2 == 0 ? "b" : "a";
    ASSERT_EQ(Run(Cat("plugin replace turnstile ", Sample(build + "/turnstile"))),
              Cat("plugin turnstile ", build, " runs in place of ", before, "\n"));
    ASSERT_EQ(Run("show turnstile"), Cat(build, " ", turn, "\n")) << "the state is handed on";
    ASSERT_TRUE(harness_.Until([&] { return Dropped("by-" + build) > 0; }));
    ExpectGone();
    ASSERT_EQ(Dropped("by-" + before), 0U);
    ASSERT_EQ(Copies("turnstile.so"), 1U);
    flat.After(turn);
  }
  flat.Expect();
  ExpectNothingLost();
}

TEST_F(SwitchPluginsTest, ReadsTheTablesOfPortsAgain) {
  ASSERT_EQ(Run("plugin load " + Sample("a/turnstile")),
            "plugin turnstile a is loaded: turnstile\n");
  ASSERT_EQ(SetFeatures("turnstile = { letter = \"\\u0002\" }"), "");
  ASSERT_TRUE(harness_.Until([&] { return Dropped("by-a") > 0; }));
  ASSERT_THAT(Run(Cat("plugin replace turnstile ", Sample("b/turnstile"))), StartsWith("plugin "));
  ASSERT_TRUE(harness_.Until([&] { return Dropped("by-b") > 0; }));
  ExpectGone();
  // Seven in eight, so its letter is still the same.
  const uint64_t in = flow_.in.value();
  const uint64_t dropped = Dropped("by-b");
  ASSERT_TRUE(harness_.Until([&] { return flow_.in.value() > in + 800; }));
  EXPECT_GT(Dropped("by-b") - dropped, 600U);
}

TEST_F(SwitchPluginsTest, ABuildThatDoesNotTakeTheTablesChangesNothing) {
  ASSERT_EQ(Run("plugin load " + Sample("a/turnstile")),
            "plugin turnstile a is loaded: turnstile\n");
  ASSERT_EQ(SetFeatures("turnstile = { of-a = 7 }"), "");
  EXPECT_THAT(Run(Cat("plugin replace turnstile ", Sample("b/turnstile"))),
              HasSubstr("the other build does not take the tables of ports: "));
  ASSERT_EQ(SetFeatures("turnstile = {}"), "");
  EXPECT_THAT(Run(Cat("plugin replace turnstile ", Sample("strict/turnstile"))),
              HasSubstr("colour"));
  EXPECT_EQ(Run("plugin replace turnstile " + Sample("good")),
            Cat("error: ", Sample("good"), " is the plugin good, not turnstile"));
  EXPECT_THAT(Run("plugin replace good"), HasSubstr("there is no plugin \"good\""));
  EXPECT_THAT(States(), ElementsAre("turnstile a running"));
  EXPECT_TRUE(harness_.Until([&] { return Dropped("by-a") > 0; }));
  // The others' code goes when the loop has turned.
  EXPECT_TRUE(harness_.Until([&] { return Copies("turnstile.so") == 1; }));
  EXPECT_EQ(Run("show turnstile"), "a 0\n");
}

TEST_F(SwitchPluginsTest, WhatCannotRegisterLeavesNothingBehind) {
  const size_t nodes = harness_->catalog().nodes().size();
  const size_t features = harness_->schemas().features.size();
  setenv("WEFT_SAMPLE_THROWS", "later", 1);
  EXPECT_THAT(Run("plugin load " + Sample("throws")), HasSubstr("failed to start: no table"));
  EXPECT_THAT(Run("plugin load " + Sample("needs-symbol")), HasSubstr("NoSuchFunction"));
  EXPECT_THAT(Run("plugin load " + Sample("unique")), HasSubstr("could never be unloaded"));
  EXPECT_THAT(Run("plugin load nothing"), HasSubstr("there is no plugin \"nothing\" in "));
  ASSERT_THAT(Run("plugin load " + Sample("good")), StartsWith("plugin good 1.2-sample"));
  EXPECT_THAT(Run("plugin load " + Sample("good")), HasSubstr("is loaded already"));
  ASSERT_THAT(Run("plugin unload good"), StartsWith("plugin good leaves"));
  ExpectGone();
  EXPECT_TRUE(harness_.Until([&] { return Copies("") == 0; }));
  EXPECT_EQ(harness_->catalog().nodes().size(), nodes);
  EXPECT_EQ(harness_->schemas().features.size(), features);
  EXPECT_THAT(States(), IsEmpty());
  EXPECT_TRUE(Flows());
}

TEST_F(SwitchPluginsTest, AWorkerThatSleepsLosesNoNode) {
  flow_.flows.store(false, std::memory_order_release);
  for (int turn = 0; turn < 5; ++turn) {
    ASSERT_THAT(Run("plugin load " + Sample("a/turnstile")), StartsWith("plugin "));
    ASSERT_THAT(Run("plugin unload turnstile"), StartsWith("plugin "));
    ExpectGone();
  }
  flow_.flows.store(true, std::memory_order_release);
  EXPECT_TRUE(Flows());
}

}  // namespace
}  // namespace weft
