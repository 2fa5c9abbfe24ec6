// SPDX-License-Identifier: Apache-2.0
// What is typed behind `port add` means what startup.conf would.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

#include "core/base/event_loop.h"
#include "core/base/text.h"
#include "core/commands.h"
#include "core/switch.h"

namespace weft {
namespace {

using ::testing::HasSubstr;

struct Limits {
  double mbps = 1;
  std::optional<uint32_t> packets;
  static constexpr auto kFields = Fields(Field<&Limits::mbps>("mbps", "megabits a second"),
                                         Field<&Limits::packets>("packets", "how many"));
};

struct KindConfig {
  std::string owner;
  uint16_t queues = 1;
  bool fast = false;
  static constexpr auto kFields =
      Fields(Field<&KindConfig::owner>("owner", "name or number"),
             Field<&KindConfig::queues>("queues", "how many", Range{1, 8}),
             Field<&KindConfig::fast>("fast", "whether it is"));
};

class KindModule final : public Module {
 public:
  std::string_view name() const override { return "kind"; }
  void Register(Registry& registry) override {
    registry.AddPortKind({.name = "memory",
                          .help = "a port of a test",
                          .schema = &SchemaOf<KindConfig>(),
                          .output = "memory-output",
                          .make = nullptr});
  }
};

class PortFromWordsTest : public ::testing::Test {
 protected:
  PortFromWordsTest() {
    EXPECT_TRUE(switch_.AddModule(std::make_unique<KindModule>()).ok());
    schemas().features.push_back({"limit", "limits", &SchemaOf<Limits>()});
  }
  // The port's kind in TOML, or the error.
  std::string Read(std::string_view settings, std::string_view name = "web-1",
                   std::string_view kind = "memory") {
    const auto port = PortFromWords(switch_, name, kind, settings);
    if (!port.ok()) return MessageOf(port.status());
    EXPECT_EQ(port->name, name);
    return port->kind_config.schema->Print(port->kind_config.object.get());
  }
  // Modules and plugins fill them through their registry.
  Schemas& schemas() { return const_cast<Schemas&>(switch_.schemas()); }

  EventLoop loop_;
  Switch switch_{loop_};
};

TEST_F(PortFromWordsTest, TheFieldSaysWhatAValueIs) {
  EXPECT_THAT(Read("owner=1000 queues=2 fast=true"), HasSubstr("owner = \"1000\", queues = 2"));
  EXPECT_THAT(Read("owner=true"), HasSubstr("owner = \"true\""));
  EXPECT_THAT(Read("'owner=a b\\\"c'"), HasSubstr("owner = \"a b\\\\\\\"c\""));
  EXPECT_THAT(Read("memory.owner=0"), HasSubstr("owner = \"0\""));
  EXPECT_THAT(Read("queues=two"), HasSubstr("queues"));
  EXPECT_THAT(Read("queues=02"), HasSubstr("queues"));
}

TEST_F(PortFromWordsTest, AnyNameOfTheFileCanBeTyped) {
  for (const std::string_view name : {"42", "true", "0", "1.5", "a.b", "inf"}) {
    EXPECT_THAT(Read("", name), HasSubstr("queues = 1")) << name;
  }
}

TEST_F(PortFromWordsTest, FeaturesHaveFieldsToo) {
  const auto port = PortFromWords(switch_, "web-1", "memory", "limit.mbps=1.5 limit.packets=7");
  ASSERT_TRUE(port.ok()) << port.status();
  ASSERT_EQ(port->features.size(), 1U);
  EXPECT_EQ(port->features.begin()->second.As<Limits>().mbps, 1.5);
  EXPECT_EQ(port->features.begin()->second.As<Limits>().packets, 7U);
}

TEST_F(PortFromWordsTest, AKeyIsAKeyWhateverIsInIt) {
  EXPECT_THAT(Read("'fast, owner=x'"), HasSubstr("unknown key \"fast, owner\""));
  EXPECT_THAT(Read("'x\"y=1'"), HasSubstr("unknown key"));
  EXPECT_THAT(Read("", "web-1", "a\"b"), HasSubstr("a\\\"b"));
  for (const std::string_view bad : {"x", "=x", ".x=1"}) {
    EXPECT_THAT(Read(bad), HasSubstr(Cat("expected KEY=VALUE, found \"", bad, "\"")));
  }
}

}  // namespace
}  // namespace weft
