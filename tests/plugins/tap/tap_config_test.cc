// SPDX-License-Identifier: Apache-2.0
// What the plugin's table may say, and what it asks of weftd.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/sdk/weft.h"
#include "plugins/tap/tap_config.h"
#include "tests/support/module_harness.h"

// NOLINTNEXTLINE(readability-identifier-naming): the name is what a loader looks for
extern "C" const weft::PluginDescriptor weft_plugin;

namespace weft::tap {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ModuleHarness;

// A port's section for each table of the kind.
std::string PortsWith(const std::vector<std::string>& tables) {
  std::string text;
  for (size_t i = 0; i < tables.size(); ++i)
    Append(text, "[[port]]\nname = \"p", i, "\"\ntap = ", tables[i], "\n");
  return text;
}

class TapConfigTest : public ::testing::Test {
 protected:
  TapConfigTest() : module_(weft_plugin.make()) {
    module_->Register(harness_.registry());
    EXPECT_TRUE(harness_.registry().status().ok());
  }
  std::vector<std::string> Errors(const std::vector<std::string>& tables) {
    return harness_.Configure(PortsWith(tables));
  }

  std::unique_ptr<Module> module_;
  ModuleHarness harness_;
};

TEST_F(TapConfigTest, IsDescribed) {
  EXPECT_STREQ(weft_plugin.name, "tap");
  EXPECT_EQ(module_->name(), "tap");
  ASSERT_EQ(harness_.registry().kinds().size(), 1U);
  EXPECT_EQ(harness_.registry().kinds()[0].output, "tap-output");
}

TEST_F(TapConfigTest, NeedsTheRightsOfNetworks) {
  EalNeeds needs;
  harness_.registry().kinds()[0].eal_needs(PortConfig(), needs);
  EXPECT_TRUE(needs.network);
  EXPECT_THAT(needs.pci_devices, IsEmpty());
}

TEST_F(TapConfigTest, TakesNamesAndPaths) {
  EXPECT_THAT(Errors({"{}", R"({ netns = "web-1" })", R"({ netns = "/proc/1/ns/net" })",
                      R"({ interface = "net1", netns = "web-1", queues = 8 })"}),
              IsEmpty());
}

TEST_F(TapConfigTest, ANameIsOneOfIpNetns) {
  EXPECT_EQ((TapConfig{.netns = "web-1"}).NetnsPath(), "/run/netns/web-1");
  EXPECT_EQ((TapConfig{.netns = "/proc/7/ns/net"}).NetnsPath(), "/proc/7/ns/net");
  EXPECT_EQ(TapConfig().NetnsPath(), "");
}

TEST_F(TapConfigTest, RefusesNamesThatNoInterfaceCanHave) {
  for (const char* name : {"a234567890123456", "a/b", "a b", "a:b", "eth%d", ".", ".."}) {
    ModuleHarness harness;
    const std::unique_ptr<Module> module(weft_plugin.make());
    module->Register(harness.registry());
    EXPECT_THAT(
        harness.Configure(PortsWith({Cat("{ interface = \"", name, "\" }")})),
        ElementsAre(HasSubstr("startup.conf:3:21: port \"p0\": tap.interface: no interface can")))
        << name;
  }
}

TEST_F(TapConfigTest, RefusesANamespaceThatIsNeitherNameNorPath) {
  EXPECT_THAT(Errors({R"({ netns = "run/netns/x" })", R"({ netns = ".." })"}),
              ElementsAre(HasSubstr("tap.netns: is neither a name of `ip netns` nor a path"),
                          HasSubstr("tap.netns: is neither a name of `ip netns` nor a path")));
}

TEST_F(TapConfigTest, RefusesTheSameInterfaceTwice) {
  EXPECT_THAT(
      Errors({R"({ netns = "x" })", R"({ netns = "/run/netns/x", interface = "eth0" })",
              R"({ netns = "x", interface = "eth1" })"}),
      ElementsAre(HasSubstr(
          R"(port "p1": tap.interface: "eth0" is the interface of port "p0" in this namespace)")));
}

}  // namespace
}  // namespace weft::tap
