// SPDX-License-Identifier: Apache-2.0
// Every plugin with tables for ports is replaced while ports have such tables: the new build takes
// them, though they were read into types of the old one's.
#include <gtest/gtest.h>

#include <memory>
#include <string_view>
#include <utility>

#include "core/commands.h"
#include "core/shell/command_table.h"
#include "nodes/builtin.h"
#include "tests/graph/every_module.h"
#include "tests/support/switch_harness.h"

namespace weft::testing {
namespace {

// Of the ports a and b, a has the table. What a plugin says of it afterwards, if it says anything.
struct Case {
  std::string_view plugin, table, command, says;
};
constexpr Case kCases[] = {
    {"mac-guard", "mac-guard = { allow = \"02:00:00:00:00:11\" }", "", ""},
    {"policer", "egress-policer = { rate = \"10kpps\", burst = 7 }", "show policer", "10kpps"},
    {"mirror", "ingress-mirror = { to = \"b\", sample = 3 }", "show mirror", "port \"b\" is down"},
    {"packet-generator", "packet-generator = { streams = [{ name = \"off\", start = false }] }",
     "show packet-generator", "off"},
};

std::unique_ptr<Plugin> Load(std::string_view name) {
  std::unique_ptr<Plugin> found;
  for (std::unique_ptr<Plugin>& plugin : LoadPlugins()) {
    if (plugin->info().name == name) found = std::move(plugin);
  }
  return found;
}

TEST(Replace, OfPluginsWhosePortsHaveTables) {
  for (const Case& one : kCases) {
    SCOPED_TRACE(one.plugin);
    SwitchHarness harness;
    CommandTable commands;
    ASSERT_EQ(harness.AddModules(BuiltinModules()), "");
    ASSERT_EQ(MessageOf(harness->AddPlugin(Load(one.plugin))), "");
    ASSERT_EQ(harness.Start(Cat("[[port]]\nname = \"a\"\nvhost = {}\n", one.table,
                                "\n[[port]]\nname = \"b\"\nvhost = {}\n")),
              "");
    ASSERT_EQ(MessageOf(AddCommands(*harness, commands)), "");
    for (int turn = 0; turn < 3; ++turn) {
      ASSERT_EQ(MessageOf(harness->ReplacePlugin(Load(one.plugin))), "");
      if (one.command.empty()) continue;
      const absl::StatusOr<Reply> reply = commands.Run(one.command);
      ASSERT_TRUE(reply.ok()) << reply.status();
      EXPECT_NE(RenderText(*reply, 0).find(one.says), std::string::npos) << RenderText(*reply, 0);
    }
    ASSERT_TRUE(harness.Until([&] { return harness->leaving().empty(); }));
  }
}

}  // namespace
}  // namespace weft::testing
