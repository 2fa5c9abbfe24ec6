// SPDX-License-Identifier: Apache-2.0
#include "nodes/nic/nic_module.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/event_loop.h"
#include "core/base/rcu.h"
#include "core/base/text.h"
#include "core/events/event_log.h"
#include "core/port/port_table.h"
#include "nodes/nic/nic_config.h"

namespace weft::nic {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class NicModuleTest : public ::testing::Test {
 protected:
  NicModuleTest() {
    module_.Register(registry_);
    EXPECT_TRUE(registry_.status().ok()) << registry_.status();
  }
  const PortKind& kind() { return registry_.kinds().front(); }

  static PortConfig Port(std::string device, uint16_t mtu = 1500) {
    auto nic = std::make_shared<NicConfig>();
    nic->device = std::move(device);
    PortConfig port;
    port.name = "uplink";
    port.mtu = mtu;
    port.kind = "dpdk";
    port.kind_config = {&SchemaOf<NicConfig>(), nic};
    return port;
  }

  static SystemView EmptySystem() {
    return {.sysfs = "/nonexistent", .tun = "/nonexistent", .capabilities = CapabilitySet()};
  }

  EventLoop loop_;
  Rcu rcu_;
  PortTable ports_{rcu_};
  NodeCatalog catalog_;
  Schemas schemas_;
  EventLog events_;
  Registry registry_{{loop_, rcu_, ports_, events_}, catalog_, schemas_};
  NicModule module_{EmptySystem()};
};

TEST_F(NicModuleTest, BringsNodesAndAKindOfPort) {
  ASSERT_NE(catalog_.Find("dpdk-input"), nullptr);
  ASSERT_NE(catalog_.Find("nic-output"), nullptr);
  EXPECT_EQ(catalog_.Find("dpdk-input")->kind, NodeKind::kInput);
  EXPECT_EQ(catalog_.Find("nic-output")->kind, NodeKind::kOutput);
  ASSERT_EQ(registry_.kinds().size(), 1U);
  EXPECT_EQ(kind().name, "dpdk");
  EXPECT_EQ(kind().output, "nic-output");
  EXPECT_EQ(schemas_.kinds.front().validate, CheckDevices);
}

TEST_F(NicModuleTest, AsksEalForPciDevicesAndMemory) {
  EalNeeds needs;
  kind().eal_needs(Port("net_null0"), needs);
  EXPECT_THAT(needs.pci_devices, IsEmpty());
  EXPECT_FALSE(needs.network) << "a device of memory alone";
  const uint64_t small = needs.memory;
  EXPECT_GT(small, 2047U * 2048U);
  EXPECT_LT(small, 16U << 20);
  kind().eal_needs(Port("3b:00.1,a=b", 9000), needs);
  EXPECT_THAT(needs.pci_devices, ElementsAre("0000:3b:00.1,a=b"));
  EXPECT_GT(needs.memory - small, 3000U * 9018U) << "jumbo frames are in one piece";
  EXPECT_TRUE(needs.network);
}

TEST_F(NicModuleTest, AsksForTheRightsThatDriversNeed) {
  const auto network = [&](const char* device) {
    EalNeeds needs;
    kind().eal_needs(Port(device), needs);
    return needs.network;
  };
  for (const char* const device : {"net_null0", "net_ring0", "net_memif0,socket=/tmp/a",
                                   "net_pcap0,rx_pcap=/tmp/a,tx_pcap=/tmp/b"}) {
    EXPECT_FALSE(network(device)) << device;
  }
  for (const char* const device : {"net_af_packet0,iface=eth1", "net_tap0", "net_pcap0,iface=eth1",
                                   "0000:3b:00.1", "net_unheard_of0"}) {
    EXPECT_TRUE(network(device)) << device;
  }
}

TEST_F(NicModuleTest, PreflightAndOpenSayTheSame) {
  const PortConfig config = Port("net_af_packet0,iface=eth7");
  const std::string said = MessageOf(kind().preflight(config, "/tmp"));
  EXPECT_THAT(said, HasSubstr("there is no network interface eth7 (there are none)"));
  const auto port = kind().make({.id = PortId(0),
                                 .config = config,
                                 .directory = {},
                                 .worker = WorkerId(0),
                                 .on_up = [] { ADD_FAILURE() << "up"; },
                                 .on_down = [] { ADD_FAILURE() << "down"; }});
  ASSERT_TRUE(port.ok()) << port.status();
  EXPECT_EQ(MessageOf((*port)->Open()), said);
  EXPECT_EQ((*port)->Status().state, PortState::kDown);
}

}  // namespace
}  // namespace weft::nic
