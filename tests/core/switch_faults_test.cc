// SPDX-License-Identifier: Apache-2.0
// Plugins that break a rule while packets flow: what becomes of the packets is what [plugins] of
// startup.conf says, and none goes uncounted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "core/graph/guard.h"
#include "tests/core/plugin/plugin_switch.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using testing::Sample;
using ::testing::StartsWith;

class SwitchFaultsTest : public testing::PluginSwitch {
 protected:
  // Port a has the plugin that does wrong in this way, from DoWrong on.
  void Load(std::string_view how) {
    ASSERT_THAT(Run("plugin load " + Sample("faulty")), StartsWith("plugin "));
    ASSERT_EQ(SetFeatures(Cat("faulty = { how = \"", how, "\" }")), "");
    ASSERT_TRUE(Flows());
  }
  void DoWrong() { flow_.second = 0xfa; }
  void Unload() {
    flow_.second = 0;
    ASSERT_EQ(SetFeatures(""), "");
    ASSERT_THAT(Run("plugin unload faulty"), StartsWith("plugin "));
    ExpectGone();
  }
  bool UntilFaulty(std::string_view fault) {
    const std::vector<std::string> wanted = {Cat("faulty 1.2-sample faulty ", fault)};
    return harness_.Until([&] { return States() == wanted; });
  }
};

TEST_F(SwitchFaultsTest, APacketThatAPluginForgotIsCounted) {
  Begin();
  Load("shrink");
  DoWrong();
  EXPECT_TRUE(UntilFaulty("leaked: bypass"));
  ExpectNothingLost();
  EXPECT_EQ(harness_->stats().Port(PortId()).drops, 1U);
}

struct Choice {
  const char* name;
  const char* plugins;
  const char* on_fault;  // of this plugin, by what `plugins` says
};

void PrintTo(const Choice& choice, std::ostream* to) { *to << choice.name; }

class OnFaultTest : public SwitchFaultsTest, public ::testing::WithParamInterface<Choice> {};

TEST_P(OnFaultTest, IsWhatBecomesOfPackets) {
  Begin(GetParam().plugins);
  const std::string on_fault = GetParam().on_fault;
  struct Fault {
    const char* how;
    const char* name;
  };
  for (const Fault& fault :
       {Fault{"leak", "leaked"}, Fault{"verdict", "bad-verdict"}, Fault{"throw", "threw"}}) {
    SCOPED_TRACE(fault.how);
    Load(fault.how);
    EXPECT_THAT(States(), ElementsAre("faulty 1.2-sample running"));
    EXPECT_EQ(Dropped("plugin-fault"), 0U);
    DoWrong();
    ASSERT_TRUE(UntilFaulty(Cat(fault.name, ": ", on_fault)));
    ASSERT_TRUE(Flows());
    const uint64_t out = flow_.out.value();
    if (on_fault == "bypass") {
      EXPECT_TRUE(harness_.Until([&] { return flow_.out.value() > out; }));
      EXPECT_EQ(Dropped("plugin-fault"), 0U);
    } else {
      const uint64_t dropped = Dropped("plugin-fault");
      EXPECT_TRUE(harness_.Until([&] { return Dropped("plugin-fault") > dropped; }));
      EXPECT_EQ(flow_.out.value(), out) << "packets of a node that is out";
    }
    if (on_fault == "stop") {
      EXPECT_TRUE(harness_.Until([&] { return harness_->ended_by() == "faulty"; }));
    } else {
      EXPECT_EQ(harness_->ended_by(), "");
    }
    Unload();
  }
  ASSERT_TRUE(Flows());
  if (on_fault == "bypass") {
    EXPECT_EQ(harness_->stats().Port(kA).drops, 0U);
  }
}

constexpr Choice kChoices[] = {
    {"bypass-unless-said", "", "bypass"},
    {"drop", R"(on-fault = "drop")", "drop"},
    {"stop", R"(on-fault = "stop")", "stop"},
    {"but-this-one-drops", R"(but = [{ plugin = "faulty", on-fault = "drop" }])", "drop"},
    {"but-this-one-stops", R"(but = [{ plugin = "faulty", on-fault = "stop" }])", "stop"},
    {"but-this-one-is-bypassed", R"(on-fault = "drop"
but = [{ plugin = "faulty", on-fault = "bypass" }])",
     "bypass"},
    {"but-another", R"(on-fault = "drop"
but = [{ plugin = "other", on-fault = "bypass" }])",
     "drop"},
    {"but-two", R"(but = [{ plugin = "other", on-fault = "stop" },
  { plugin = "faulty", on-fault = "drop" }])",
     "drop"},
};

INSTANTIATE_TEST_SUITE_P(Plugins, OnFaultTest, ::testing::ValuesIn(kChoices));

struct Budget {
  const char* name;
  const char* plugins;
  const char* how;
  bool keeps;  // to the budget
};

void PrintTo(const Budget& budget, std::ostream* to) { *to << budget.name; }

class BudgetTest : public SwitchFaultsTest, public ::testing::WithParamInterface<Budget> {};

// A slow node takes some ten million ticks for a vector, of eight packets: far more than what is
// too little here, far less than what is enough. Nothing depends on how fast the machine is.
TEST_P(BudgetTest, IsWhatAVectorMayTake) {
  Begin(GetParam().plugins);
  Load(GetParam().how);
  DoWrong();
  if (GetParam().keeps) {
    const uint64_t in = flow_.in.value();
    ASSERT_TRUE(harness_.Until(
        [&] { return flow_.in.value() > in + 8 * (uint64_t{Guard::kStrikes} + 2); }));
    EXPECT_THAT(States(), ElementsAre("faulty 1.2-sample running"));
  } else {
    EXPECT_TRUE(UntilFaulty("slow: bypass"));
    EXPECT_TRUE(Flows());
  }
  ExpectNothingLost();
  EXPECT_EQ(harness_->stats().Port(kA).drops, 0U);
}

constexpr Budget kBudgets[] = {
    {"of-one-tick-a-packet", "packet-cycles = 1\nframe-cycles = 0", "not", false},
    {"that-nobody-has-set", "", "slow", false},
    {"large-for-a-vector", "packet-cycles = 1\nframe-cycles = 4_294_967_295", "slow", true},
    {"large-for-a-packet", "packet-cycles = 4_294_967_295\nframe-cycles = 0", "slow", true},
    {"of-any-number", "packet-cycles = 0\nframe-cycles = 0", "not", true},
};

INSTANTIATE_TEST_SUITE_P(Plugins, BudgetTest, ::testing::ValuesIn(kBudgets));

// weftd was stopped and goes on, or the machine slept: a node that was at work then has not hung.
// Two looks are at one and the same call of it.
TEST_F(SwitchFaultsTest, TimeThatNobodyWatchedIsNoHang) {
  Begin("packet-cycles = 0\nframe-cycles = 0");
  Load("slow");
  DoWrong();
  Worker& worker = *harness_->workers()[0];
  const auto is_slow = [&] {
    const Guard* const guard = worker.graph().at_work();
    return guard != nullptr && guard->state().node == "faulty";
  };
  Time now = std::chrono::hours(1);
  bool same = false;
  for (int i = 0; i < 1000 && !same; ++i) {
    ASSERT_TRUE(harness_.Until(is_slow));
    const uint64_t polls = worker.counters().polls.value();
    harness_->LookForHangs(now += std::chrono::seconds(1));
    harness_->LookForHangs(now += std::chrono::hours(1));
    same = is_slow() && worker.counters().polls.value() == polls;
  }
  EXPECT_TRUE(same);
}

}  // namespace
}  // namespace weft
