// SPDX-License-Identifier: Apache-2.0
// What the plugin declares, and what of its configuration is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "core/sdk/weft.h"
#include "plugins/af_xdp/af_xdp_config.h"
#include "plugins/af_xdp/attachment.h"
#include "plugins/af_xdp/kernel_interface.h"
#include "plugins/af_xdp/umem_layout.h"
#include "tests/support/module_harness.h"

// NOLINTNEXTLINE(readability-identifier-naming): the name is what a loader looks for
extern "C" const weft::PluginDescriptor weft_plugin;

namespace weft::af_xdp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ModuleHarness;

class AfXdpModuleTest : public ::testing::Test {
 protected:
  AfXdpModuleTest() : module_(weft_plugin.make()) {
    module_->Register(harness_.registry());
    EXPECT_TRUE(harness_.registry().status().ok());
  }
  const PortKind& kind() { return harness_.registry().kinds().front(); }
  std::vector<std::string> Errors(std::string_view ports) { return harness_.Configure(ports); }
  static AfXdpConfig In(std::optional<std::string> netns) {
    AfXdpConfig config;
    config.interface = "veth1";
    config.netns = std::move(netns);
    return config;
  }
  EalNeeds NeedsOf(AfXdpConfig config) {
    PortConfig port;
    port.kind = "af-xdp";
    port.kind_config = {&SchemaOf<AfXdpConfig>(), std::make_shared<AfXdpConfig>(std::move(config))};
    EalNeeds needs;
    kind().eal_needs(port, needs);
    return needs;
  }

  std::unique_ptr<Module> module_;
  ModuleHarness harness_;
};

TEST_F(AfXdpModuleTest, BringsNodesAndAKindOfPort) {
  EXPECT_STREQ(weft_plugin.name, "af-xdp");
  EXPECT_EQ(kind().name, "af-xdp");
  EXPECT_EQ(kind().output, "af-xdp-output");
}

TEST_F(AfXdpModuleTest, AsksForTheRightsThatItNeeds) {
  const EalNeeds here = NeedsOf(In(std::nullopt));
  EXPECT_TRUE(here.network && here.programs);
  EXPECT_FALSE(here.namespaces);
  EXPECT_TRUE(NeedsOf(In("web")).namespaces);
}

TEST_F(AfXdpModuleTest, ANamespaceIsANameOrAPath) {
  EXPECT_EQ(In(std::nullopt).NetnsPath(), "");
  EXPECT_EQ(In("web").NetnsPath(), "/run/netns/web");
  EXPECT_EQ(In("/proc/1/ns/net").NetnsPath(), "/proc/1/ns/net");
}

TEST_F(AfXdpModuleTest, TakesAWholeTable) {
  EXPECT_THAT(
      Errors("[[port]]\nname = \"a\"\naf-xdp = { interface = \"veth1\", netns = \"web\", "
             "queues = 2, mode = \"copy\", busy-poll = true, complete-checksums = false }\n"),
      IsEmpty());
}

// The lines themselves run in tests/e2e/af_xdp_test.py.
TEST_F(AfXdpModuleTest, SaysHowAContainerGetsThere) {
  const auto told = [](const std::vector<PortFact>& facts) {
    std::vector<std::string> lines;
    for (const PortFact& fact : facts)
      lines.push_back(Cat(fact.name, ": ", std::get<std::string>(fact.value)));
    return lines;
  };
  EXPECT_THAT(told(Attachment("web-1", std::nullopt, 1500, In(std::nullopt))),
              ElementsAre("namespace: ip netns add web-1",
                          "veth: ip link add veth1 type veth peer name eth0 netns web-1",
                          "inside: ip -n web-1 link set eth0 up", "outside: ip link set veth1 up",
                          "podman: --network=ns:/run/netns/web-1"));
  const auto mac = MacAddress::Parse("02:00:00:00:00:11");
  ASSERT_TRUE(mac);
  EXPECT_EQ(told(Attachment("web-1", *mac, 3000, In("outer")))[1],
            "veth: ip -n outer link add veth1 mtu 3000 type veth peer name eth0 mtu 3000 address "
            "02:00:00:00:00:11 netns web-1");
  EXPECT_EQ(told(Attachment("web-1", *mac, 1500, In("/proc/7/ns/net")))[3],
            "outside: nsenter --net=/proc/7/ns/net ip link set veth1 up");
  const std::vector<PortFact> facts = Attachment("web-1", *mac, 1500, In(std::nullopt));
  ASSERT_EQ(facts.size(), kind().attachment.size());
  for (size_t i = 0; i < facts.size(); ++i) EXPECT_EQ(facts[i].name, kind().attachment[i].name);
}

TEST_F(AfXdpModuleTest, RefusesWhatNamesNothing) {
  for (const std::string_view name : {"sixteen-letters-", "a/b", "a b", ".", "..", "a:b"}) {
    ModuleHarness harness;
    const std::unique_ptr<Module> module(weft_plugin.make());
    module->Register(harness.registry());
    EXPECT_THAT(
        harness.Configure(Cat("[[port]]\nname = \"a\"\naf-xdp = { interface = \"", name, "\" }\n")),
        ElementsAre(HasSubstr("names no interface")))
        << name;
  }
  EXPECT_THAT(Errors("[[port]]\nname = \"a\"\naf-xdp = { interface = \"v\", netns = \"a/b\" }\n"),
              ElementsAre(HasSubstr("\"a/b\" is neither a name nor a whole path")));
}

TEST_F(AfXdpModuleTest, RefusesOneInterfaceTwice) {
  EXPECT_THAT(
      Errors(
          "[[port]]\nname = \"a\"\naf-xdp = { interface = \"v\" }\n"
          "[[port]]\nname = \"b\"\naf-xdp = { interface = \"v\", netns = \"web\" }\n"
          "[[port]]\nname = \"c\"\naf-xdp = { interface = \"v\", netns = \"/run/netns/web\" }\n"),
      ElementsAre(HasSubstr("port \"c\": af-xdp.interface: \"v\" is the interface of port \"b\"")));
}

TEST_F(AfXdpModuleTest, RefusesFramesThatHaveNoRoom) {
  const auto with = [](uint32_t mtu) {
    return Cat("[[port]]\nname = \"a\"\nmtu = ", mtu, "\naf-xdp = { interface = \"v\" }\n");
  };
  EXPECT_THAT(Errors(with(kMaxMtu + 1)), ElementsAre(HasSubstr("it may be up to 3758")));
}

TEST(UmemLayoutTest, EveryMtuHasAChunkThatHoldsItsFrames) {
  for (uint32_t mtu = 68; mtu <= kMaxMtu; ++mtu) {
    ASSERT_GE(LongestFrame(ChunkFor(mtu)), mtu + 18) << mtu;
  }
  EXPECT_EQ(ChunkFor(1500), kSmallChunk);
  EXPECT_EQ(ChunkFor(kMaxMtu), kLargeChunk);
}

TEST(KernelInterfaceTest, KnowsWhatIsThereAndWhatIsNot) {
  const absl::StatusOr<KernelInterface> loopback = KernelInterface::In("", "lo");
  ASSERT_TRUE(loopback.ok()) << loopback.status();
  const absl::StatusOr<KernelInterface::State> state = loopback->Look();
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_NE(state->index, 0U);
  EXPECT_NE(state->mtu, 0U);
  const absl::StatusOr<KernelInterface> none = KernelInterface::In("", "no-such");
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(absl::IsUnavailable(none->Look().status()));
  EXPECT_EQ(none->Look().status().message(), "there is no network interface no-such");
  EXPECT_EQ(none->ReceiveQueues(), std::nullopt);
}

TEST(KernelInterfaceTest, ANamespaceThatIsNotThereMayCome) {
  const absl::StatusOr<KernelInterface> nowhere = KernelInterface::In("/run/netns/no-such", "lo");
  EXPECT_TRUE(absl::IsUnavailable(nowhere.status())) << nowhere.status();
}

TEST(SystemErrorTest, SaysWhatToDoAboutMissingRights) {
  const absl::Status status = SystemError("make a thing", EPERM);
  EXPECT_TRUE(absl::IsPermissionDenied(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("keep-capabilities"));
  EXPECT_TRUE(absl::IsUnavailable(SystemError("x", EBUSY)));
  EXPECT_TRUE(absl::IsFailedPrecondition(SystemError("x", EINVAL)));
}

}  // namespace
}  // namespace weft::af_xdp
