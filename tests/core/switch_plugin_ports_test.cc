// SPDX-License-Identifier: Apache-2.0
// A plugin that drives ports is replaced while they are there: each stays the port that it was, and
// what is behind it is the other build's; or the build before has all of them again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/core/plugin/plugin_switch.h"
#include "tests/support/descriptors.h"

namespace weft {
namespace {

using testing::Copies;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Sample;
using ::testing::StartsWith;

class SwitchPluginPortsTest : public testing::PluginSwitch {
 protected:
  void SetUp() override {
    Begin();
    ASSERT_THAT(Run("plugin load " + Sample("a/dock")), StartsWith("plugin dock a is loaded"));
  }
  std::string Add(std::string_view name, std::string_view keys = "") {
    return harness_.AddPort(Cat("[[port]]\nname = \"", name, "\"\ndock = { lock = \"",
                                harness_.directory(), "/", name, ".lock\"", keys, " }\n"));
  }
  std::string Replace(std::string_view build) {
    const std::string said = Run(Cat("plugin replace dock ", Sample(Cat(build, "/dock"))));
    ExpectGone();
    EXPECT_TRUE(harness_.Until([&] { return Copies("dock.so") == 1; }));
    return said;
  }
  const Port& PortNamed(std::string_view name) {
    for (const auto& port : harness_->ports().ports()) {
      if (port->name == name) return *port;
    }
    ADD_FAILURE() << "there is no port " << name;
    return *harness_->ports().ports().front();
  }
  std::string BuildOf(std::string_view name) {
    return std::get<std::string>(PortNamed(name).backend->Facts().at(0).value);
  }
  // What was told of a port.
  std::vector<std::string> Told(std::string_view port) {
    std::vector<std::string> events;
    for (const Event* event : harness_->events().Newest(100, port))
      events.push_back(Cat(kEventKinds.name(event->kind), " ", event->details));
    return events;
  }
};

TEST_F(SwitchPluginPortsTest, PortsStayAndAreMadeAnew) {
  ASSERT_EQ(Add("c"), "");
  ASSERT_EQ(Add("d", ", queues = 3"), "");
  const PortId c = PortNamed("c").id, d = PortNamed("d").id;
  const size_t descriptors = testing::OpenDescriptors();
  for (const std::string build : {"b", "a", "b"}) {
    SCOPED_TRACE(build);
    EXPECT_THAT(Replace(build), StartsWith(Cat("plugin dock ", build, " runs in place of ")));
    EXPECT_EQ(BuildOf("c"), build);
    EXPECT_EQ(BuildOf("d"), build);
    EXPECT_EQ(PortNamed("c").id, c);
    EXPECT_EQ(PortNamed("d").id, d);
    EXPECT_TRUE(PortNamed("c").up);
    EXPECT_EQ(PortNamed("d").workers.size(), 3U);
    EXPECT_EQ(PortNamed("c").wiring.output, Cat("dock-output-", build));
    EXPECT_EQ(Run("show dock"), Cat(build, " 2\n"));
    EXPECT_THAT(Run("plugin unload dock"), HasSubstr("is needed by port c (dock), port d (dock)"));
    EXPECT_THAT(States(), ElementsAre(Cat("dock ", build, " running")));
  }
  EXPECT_EQ(testing::OpenDescriptors(), descriptors);
  EXPECT_TRUE(Flows());
  EXPECT_THAT(Told("c"), ::testing::Contains("port-down its plugin is replaced"));
  // They can still be changed, and go.
  EXPECT_EQ(harness_.RemovePort("c"), "");
  EXPECT_EQ(harness_.RemovePort("d"), "");
  EXPECT_THAT(Run("plugin unload dock"), StartsWith("plugin dock leaves"));
  ExpectGone();
  EXPECT_TRUE(harness_.Until([&] { return Copies("dock.so") == 0; }));
}

TEST_F(SwitchPluginPortsTest, OnePortThatCannotBeMadeLeavesAllToTheBuildBefore) {
  ASSERT_EQ(Add("c"), "");
  ASSERT_EQ(Add("d", ", fails = \"b\", queues = 2"), "");
  const size_t descriptors = testing::OpenDescriptors();
  for (int turn = 0; turn < 3; ++turn) {
    EXPECT_EQ(Replace("b"), Cat("error: plugin ", Sample("b/dock"),
                                ": port \"d\": it cannot; its ports are made anew by the build "
                                "before"));
    for (const std::string_view name : {"c", "d"}) {
      EXPECT_EQ(BuildOf(name), "a");
      EXPECT_TRUE(PortNamed(name).up);
      EXPECT_EQ(PortNamed(name).wiring.output, "dock-output-a");
    }
    EXPECT_EQ(PortNamed("d").workers.size(), 2U);
    EXPECT_EQ(Run("show dock"), "a 2\n");
    EXPECT_THAT(States(), ElementsAre("dock a running"));
  }
  EXPECT_EQ(testing::OpenDescriptors(), descriptors);
  EXPECT_EQ(harness_.RemovePort("d"), "");
  EXPECT_THAT(Replace("b"), StartsWith("plugin dock b runs in place of a"));
  EXPECT_EQ(BuildOf("c"), "b");
}

TEST_F(SwitchPluginPortsTest, ABuildWithoutTheKindTouchesNoPort) {
  ASSERT_EQ(Add("c"), "");
  const PortBackend* const backend = PortNamed("c").backend.get();
  EXPECT_THAT(Replace("bare"),
              HasSubstr("the other build has no kind of port dock, which port c is"));
  EXPECT_EQ(PortNamed("c").backend.get(), backend);
  EXPECT_EQ(Run("show dock"), "a 1\n");
  EXPECT_EQ(harness_.RemovePort("c"), "");
  EXPECT_THAT(Replace("bare"), StartsWith("plugin dock bare runs in place of a"));
}

// The build before cannot make it again either, for what is behind it has gone meanwhile.
TEST_F(SwitchPluginPortsTest, WhatNeitherBuildCanMakeIsDeletedAndNothingElse) {
  ASSERT_EQ(Add("c"), "");
  ASSERT_EQ(Add("d"), "");
  const std::string lock = harness_.directory() + "/d.lock";
  std::filesystem::remove(lock);
  std::filesystem::create_directory(lock);
  EXPECT_THAT(Replace("b"),
              HasSubstr("nor can the build before make all of them again: port \"d\": "
                        "somebody is there, so it is deleted"));
  EXPECT_EQ(harness_->ports().ports().size(), 3U) << "a, b and c";
  EXPECT_EQ(BuildOf("c"), "a");
  EXPECT_EQ(Run("show dock"), "a 1\n");
  std::filesystem::remove(lock);
  EXPECT_EQ(Add("d"), "");
  EXPECT_THAT(Replace("b"), StartsWith("plugin dock b runs in place of a"));
  EXPECT_TRUE(Flows());
}

}  // namespace
}  // namespace weft
