// SPDX-License-Identifier: Apache-2.0
// Plugins come, are replaced and go while packets flow: none is lost, each build is seen to run,
// and its code is gone afterwards. WEFT_TEST_TURNS says how often; ctest does it a few times.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "core/arcs_module.h"
#include "core/commands.h"
#include "core/plugin/plugin_parts.h"
#include "core/shell/command_table.h"
#include "tests/support/descriptors.h"
#include "tests/support/graph_harness.h"
#include "tests/support/own_memory.h"
#include "tests/support/switch_harness.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::PairSwitch;
using ::testing::StartsWith;
using testing::SwitchHarness;

constexpr PortId kA(0);

// What comes in and what leaves, counted by the worker and read by the test.
struct Flow {
  std::atomic<bool> flows{false};
  std::atomic<uint8_t> second{0};  // of each packet's octets, the first being 2
  Counter in, out;
};

// Packets of port a, eight at a time, as long as they are to flow; the first octet of one in eight
// is an "x".
class Source final : public Input<Source> {
 public:
  static constexpr NodeSpec kSpec{.name = "source", .help = "Makes packets."};
  explicit Source(Flow& flow) : flow_(flow) {}
  void Poll(Frame& frame) {
    if (!flow_.flows.load(std::memory_order_acquire)) return;
    for (int i = 0; i < 8; ++i) {
      Packet* const packet = graph_->pool().Take();
      std::array<uint8_t, 60> bytes{};
      bytes[0] = i == 0 ? 'x' : 0x02;
      bytes[1] = flow_.second.load(std::memory_order_relaxed);
      uint8_t* const header = packet->snapshot() + Packet::kVirtioNetHeader;
      std::copy(bytes.begin(), bytes.end(), header);
      packet->Reset(kA, header, bytes.size());
      frame.Push(packet);
    }
    flow_.in.Add(8);
  }

 private:
  Flow& flow_;
};

class Sink final : public Output<Sink> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "sink", .arc = "port-output", .last = true, .help = "Takes packets."};
  explicit Sink(Flow& flow) : flow_(flow) {}
  void Process(Frame& frame) { flow_.out.Add(frame.size()); }

 private:
  Flow& flow_;
};

class Backend final : public PortBackend {
 public:
  absl::Status Open() override { return absl::OkStatus(); }
  PortStatus Status() const override { return {}; }
  std::vector<PortFact> Facts() const override { return {}; }
};

class FlowModule final : public Module {
 public:
  explicit FlowModule(Flow& flow) : flow_(flow) {}
  std::string_view name() const override { return "flow"; }
  void Register(Registry& registry) override {
    registry.AddNode<Source>([this](WorkerId) { return std::make_unique<Source>(flow_); });
    registry.AddNode<Sink>([this](WorkerId) { return std::make_unique<Sink>(flow_); });
    registry.AddNode<PairSwitch>([](WorkerId) { return std::make_unique<PairSwitch>(); });
    registry.AddPortKind({.name = "memory",
                          .help = "a port of a test",
                          .schema = &SchemaOf<NoKeys>(),
                          .output = "sink",
                          .make = [](const PortRequest&) { return std::make_unique<Backend>(); }});
  }

 private:
  struct NoKeys {
    static constexpr auto kFields = Fields();
  };
  Flow& flow_;
};

size_t Copies(const std::string& file) {
  std::ifstream maps("/proc/self/maps");
  size_t copies = 0;
  for (std::string line; std::getline(maps, line);) {
    if (line.find("/memfd:" + file) != std::string::npos &&
        line.find(" r-xp ") != std::string::npos)
      ++copies;
  }
  return copies;
}

std::string Sample(const std::string& name) { return WEFT_SAMPLES "/" + name + ".so"; }

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

class SwitchPluginsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(harness_.AddModule(std::make_unique<ArcsModule>()), "");
    ASSERT_EQ(harness_.AddModule(std::make_unique<FlowModule>(flow_)), "");
    ASSERT_EQ(harness_.Start(Section("a") + Section("b")), "");
    ASSERT_EQ(MessageOf(AddCommands(*harness_, commands_)), "");
    flow_.flows.store(true, std::memory_order_release);
  }
  void TearDown() override { ExpectNothingLost(); }

  static std::string Section(std::string_view name, std::string_view features = "") {
    return Cat("[[port]]\nname = \"", name, "\"\nmemory = {}\n", features, "\n");
  }
  // One line of the shell; an error as a sentence behind "error: ".
  std::string Run(const std::string& line) {
    const absl::StatusOr<Reply> reply = commands_.Run(line);
    if (!reply.ok()) return "error: " + MessageOf(reply.status());
    const auto* text = std::get_if<std::string>(&*reply);
    return text == nullptr ? "" : *text;
  }
  std::vector<std::string> States() {
    const absl::StatusOr<Reply> reply = commands_.Run("show plugins");
    std::vector<std::string> states;
    for (const auto& row : std::get<Table>(*reply).rows)
      states.push_back(Cat(std::get<std::string>(row[0]), " ", std::get<std::string>(row[1]), " ",
                           std::get<std::string>(row[2])));
    return states;
  }
  // What a file would say of port a now.
  std::string SetFeatures(std::string_view features) {
    return harness_.SetFeatures(Section("a", features));
  }
  // Nothing of a plugin that went is left.
  void ExpectGone() {
    EXPECT_TRUE(harness_.Until([&] { return harness_->leaving().empty(); }));
  }
  uint64_t Dropped(std::string_view reason) {
    const std::array<PortId, 1> ports = {kA};
    uint64_t packets = 0;
    for (const DropCount& drop : harness_->stats().Drops(ports)) {
      if (drop.reason->name == reason) packets += drop.packets;
    }
    return packets;
  }
  bool Flows() {
    const uint64_t in = flow_.in.value();
    return harness_.Until([&] { return flow_.in.value() > in; });
  }
  void ExpectNothingLost() {
    flow_.flows.store(false, std::memory_order_release);
    const Counter& polls = harness_->workers()[0]->counters().polls;
    const uint64_t now = polls.value();
    ASSERT_TRUE(harness_.Until([&] { return polls.value() > now + 2; }));
    EXPECT_GT(flow_.in.value(), 0U);
    EXPECT_EQ(flow_.in.value(), flow_.out.value() + harness_->stats().Port(kA).drops +
                                    harness_->stats().Port(PortId()).drops);
    flow_.flows.store(true, std::memory_order_release);
  }

  Flow flow_;
  SwitchHarness harness_;
  CommandTable commands_;
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

TEST_F(SwitchPluginsTest, WhoBreaksARuleIsBypassed) {
  struct Case {
    const char* how;
    const char* fault;
  };
  for (const Case& c : {Case{"leak", "leaked"}, Case{"verdict", "bad-verdict"},
                        Case{"throw", "threw"}, Case{"slow", "slow"}}) {
    SCOPED_TRACE(c.how);
    ASSERT_THAT(Run("plugin load " + Sample("faulty")), StartsWith("plugin "));
    ASSERT_EQ(SetFeatures(Cat("faulty = { how = \"", c.how, "\" }")), "");
    ASSERT_TRUE(Flows());
    EXPECT_THAT(States(), ElementsAre("faulty 1.2-sample running"));
    flow_.second = 0xfa;
    EXPECT_TRUE(harness_.Until([&] {
      return States() ==
             std::vector<std::string>{Cat("faulty 1.2-sample faulty ", c.fault, ": bypass")};
    }));
    EXPECT_TRUE(Flows());
    EXPECT_EQ(Dropped("plugin-fault"), 0U);
    flow_.second = 0;
    ASSERT_EQ(SetFeatures(""), "");
    ASSERT_THAT(Run("plugin unload faulty"), StartsWith("plugin "));
    ExpectGone();
  }
  ExpectNothingLost();
  EXPECT_EQ(harness_->stats().Port(kA).drops, 0U);
}

TEST_F(SwitchPluginsTest, APacketThatAPluginForgotIsCounted) {
  ASSERT_THAT(Run("plugin load " + Sample("faulty")), StartsWith("plugin "));
  ASSERT_EQ(SetFeatures("faulty = { how = \"shrink\" }"), "");
  flow_.second = 0xfa;
  EXPECT_TRUE(harness_.Until([&] {
    return States() == std::vector<std::string>{"faulty 1.2-sample faulty leaked: bypass"};
  }));
  ExpectNothingLost();
  EXPECT_EQ(harness_->stats().Port(PortId()).drops, 1U);
}

}  // namespace
}  // namespace weft
