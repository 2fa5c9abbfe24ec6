// SPDX-License-Identifier: Apache-2.0
// A feature that is switched on and off at the shell while its port stays.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "core/arcs_module.h"
#include "core/base/event_loop.h"
#include "core/base/text.h"
#include "core/commands.h"
#include "core/graph/memory_ports.h"
#include "core/packet/packet_pool.h"
#include "core/shell/command_table.h"
#include "core/switch.h"
#include "tests/support/graph_harness.h"

namespace weft {
namespace {

using ::testing::HasSubstr;
using testing::PairSwitch;

struct NoConfig {
  static constexpr auto kFields = Fields();
};
struct LimitConfig {
  uint16_t longest = 0;
  static constexpr auto kFields =
      Fields(Field<&LimitConfig::longest>("longest", "bytes", Required{}, Range{60, 9216}));
  void Check(const Value& table, const Place& place) const {
    if (longest % 2 != 0) {
      place.Key("longest").Error(table.WhereIs("longest"), Cat(longest, " is odd"));
    }
  }
};

class Limit final : public Feature<Limit, LimitConfig> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "limit", .arc = "port-input", .before = "pair-switch", .help = "Drops long frames."};
  enum class Drop : uint8_t { kLong };
  static constexpr auto kDrops = Labels<Drop>({{Drop::kLong, "long", "longer than that"}});
  void Process(Frame& frame) {
    ForEach(frame, [this](Packet& packet) -> Verdict {
      if (packet.length() > port_config(packet.in_port()).longest) return Drop::kLong;
      return Continue();
    });
  }
};

class QuietBackend final : public PortBackend {
 public:
  absl::Status Open() override { return absl::OkStatus(); }
  PortStatus Status() const override { return {}; }
  std::vector<PortFact> Facts() const override { return {}; }
};

class TestModule final : public Module {
 public:
  std::string_view name() const override { return "test"; }
  void Register(Registry& registry) override {
    registry.AddNode<MemoryInput>(
        [this](WorkerId) { return std::make_unique<MemoryInput>(ports_); });
    registry.AddNode<MemoryOutput>(
        [this](WorkerId) { return std::make_unique<MemoryOutput>(ports_); });
    registry.AddNode<PairSwitch>([](WorkerId) { return std::make_unique<PairSwitch>(); });
    registry.AddNode<Limit>([](WorkerId) { return std::make_unique<Limit>(); });
    registry.AddPortKind({.name = "memory",
                          .help = "a port of a test",
                          .schema = &SchemaOf<NoConfig>(),
                          .output = "memory-output",
                          .make = [](const PortRequest&) {
                            return absl::StatusOr<std::unique_ptr<PortBackend>>(
                                std::make_unique<QuietBackend>());
                          }});
  }

 private:
  MemoryPorts ports_;  // nobody sends
};

class FeatureCommandsTest : public ::testing::Test {
 protected:
  FeatureCommandsTest() {
    EXPECT_TRUE(switch_.AddModule(std::make_unique<ArcsModule>()).ok());
    EXPECT_TRUE(switch_.AddModule(std::make_unique<TestModule>()).ok());
    EXPECT_TRUE(
        switch_.Start({}, {.runtime_dir = "/nonexistent", .cores = {}, .memory = &memory_}).ok());
    for (const char* name : {"a", "b"}) {
      PortConfig port;
      port.name = name;
      port.kind = "memory";
      port.kind_config = {.schema = &SchemaOf<NoConfig>(), .object = std::make_shared<NoConfig>()};
      EXPECT_TRUE(switch_.AddPort(port).ok());
    }
    EXPECT_TRUE(AddFeatureCommands(switch_, commands_).ok());
  }
  // What the shell answers: nothing, or the error.
  std::string Say(std::string_view line) {
    const absl::StatusOr<Reply> reply = commands_.Run(line);
    return reply.ok() ? std::get<std::string>(*reply) : MessageOf(reply.status());
  }
  // The limit of a port as workers see it; 0 if there is none.
  uint16_t LimitOf(uint16_t port) {
    if (switch_.arc_tables().arc(Arc::kPortInput).trivial) return 0;
    const void* const config =
        switch_.arc_tables().feature_config(switch_.catalog().Find("limit")->id, PortId(port));
    return config == nullptr ? uint16_t{0} : static_cast<const LimitConfig*>(config)->longest;
  }

  HeapPacketMemory memory_;
  EventLoop loop_;
  Switch switch_{loop_};
  CommandTable commands_;
};

TEST_F(FeatureCommandsTest, RefusesAKeyThatNobodyKnowsAndWhatACheckHasAgainstIt) {
  EXPECT_THAT(Say("port feature set a limit longest=100 longset=200"),
              HasSubstr("unknown key \"longset\" (did you mean \"longest\"?)"));
  EXPECT_THAT(Say("port feature set a limit longest=101"), HasSubstr("101 is odd"));
  EXPECT_EQ(LimitOf(0), 0);
}

TEST_F(FeatureCommandsTest, SwitchesAFeatureOnChangesItAndSwitchesItOff) {
  EXPECT_EQ(Say("port feature set a limit longest=100"), "");
  EXPECT_EQ(LimitOf(0), 100);
  EXPECT_EQ(LimitOf(1), 0) << "the other port goes on as it was";
  EXPECT_EQ(Say("port feature set a limit longest=200"), "");
  EXPECT_EQ(LimitOf(0), 200);
  EXPECT_EQ(switch_.Running().FindPort("a")->features.count("limit"), 1U)
      << "what a reload compares with";
  EXPECT_EQ(Say("port feature delete a limit"), "");
  EXPECT_EQ(LimitOf(0), 0);
}

TEST_F(FeatureCommandsTest, AnErrorLeavesTheFeatureAsItIs) {
  EXPECT_EQ(Say("port feature set a limit longest=100"), "");
  EXPECT_THAT(Say("port feature set a limit"), HasSubstr("limit: missing key \"longest\""));
  EXPECT_THAT(Say("port feature set a limit longest=7"), HasSubstr("limit: longest: "));
  EXPECT_THAT(Say("port feature set a limit lonest=100"), HasSubstr("did you mean \"longest\"?"));
  EXPECT_EQ(Say("port feature set a limit longest"), "expected KEY=VALUE, found \"longest\"");
  EXPECT_EQ(LimitOf(0), 100);
  EXPECT_EQ(Say("port feature set a limti longest=100"),
            "there is no feature \"limti\" (did you mean \"limit\"?)");
  EXPECT_THAT(Say("port feature set zebra limit longest=100"), HasSubstr("no port \"zebra\""));
  EXPECT_EQ(Say("port feature delete b limit"),
            "port \"b\" has no feature \"limit\" (it has none)");
}

}  // namespace
}  // namespace weft
