// SPDX-License-Identifier: Apache-2.0
// What others see of bridges, and addresses that they add: those go with their owner, and with the
// port, and leave alone what is there for another reason.
#include "nodes/l2/l2_bridges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/text.h"
#include "core/events/event_log.h"
#include "core/port/port_table.h"
#include "nodes/l2/l2_module.h"

namespace weft::l2 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

MacAddress Mac(uint64_t n) { return MacAddress::FromBits(0x0200'0000'0000 + n); }

class L2BridgesTest : public ::testing::Test {
 protected:
  L2BridgesTest() {
    module_->Register(registry_);
    for (const char* name : {"x", "y"}) {
      BridgeConfig bridge;
      bridge.name = name;
      EXPECT_TRUE(module_->AddBridge(bridge).ok());
    }
    a_ = AddPort("a", "x");
    b_ = AddPort("b", "x");
    c_ = AddPort("c", "y");
  }
  PortId AddPort(const std::string& name, const std::string& bridge,
                 std::optional<MacAddress> mac = std::nullopt) {
    const PortId id = (*ports_.Add(name))->id;
    PortConfig config;
    config.name = name;
    config.bridge = bridge;
    config.mac = mac;
    EXPECT_EQ(MessageOf(module_->AddPort(id, config)), "");
    return id;
  }
  Bridges& bridges() { return *registry_.services().bridges; }
  std::unique_ptr<StaticAddress> Add(PortId port, const MacAddress& mac) {
    auto added = bridges().AddStatic(port, mac);
    EXPECT_TRUE(added.ok()) << added.status();
    return *std::move(added);
  }

  EventLoop loop_;
  Rcu rcu_;
  PortTable ports_{rcu_};
  NodeCatalog catalog_;
  Schemas schemas_;
  EventLog events_;
  Registry registry_{{loop_, rcu_, ports_, events_}, catalog_, schemas_};
  std::unique_ptr<L2Module> module_ = std::make_unique<L2Module>();
  PortId a_, b_, c_;
};

TEST_F(L2BridgesTest, WhoIsWhere) {
  EXPECT_THAT(bridges().Names(), ElementsAre("x", "y"));
  EXPECT_EQ(bridges().BridgeOf(a_), "x");
  EXPECT_EQ(bridges().BridgeOf(c_), "y");
  EXPECT_EQ(bridges().BridgeOf(PortId(77)), "");
  EXPECT_EQ(bridges().BridgeOf(PortId()), "");
  EXPECT_EQ(bridges().GroupOf(a_), bridges().GroupOf(b_));
  EXPECT_NE(bridges().GroupOf(a_), bridges().GroupOf(c_));
  EXPECT_FALSE(bridges().GroupOf(PortId(77)).valid());
  EXPECT_FALSE(bridges().GroupOf(PortId()).valid());
  EXPECT_THAT(bridges().PortsOf("x"), ElementsAre(a_, b_));
  EXPECT_THAT(bridges().PortsOf("z"), IsEmpty());
  module_->RemovePort(a_);
  EXPECT_THAT(bridges().PortsOf("x"), ElementsAre(b_));
  EXPECT_EQ(bridges().BridgeOf(a_), "");
}

TEST_F(L2BridgesTest, AnAddressIsThereAsLongAsItsOwner) {
  auto added = Add(a_, Mac(1));
  EXPECT_EQ(bridges().Lookup(b_, Mac(1)), a_);
  EXPECT_EQ(bridges().Lookup(a_, Mac(1)), a_);
  EXPECT_FALSE(bridges().Lookup(c_, Mac(1)).valid()) << "another bridge";
  EXPECT_FALSE(bridges().Lookup(PortId(), Mac(1)).valid());
  const std::vector<BridgeAddress> addresses = bridges().AddressesOf("x");
  ASSERT_EQ(addresses.size(), 1U);
  EXPECT_EQ(addresses[0].bridge, "x");
  EXPECT_EQ(addresses[0].mac, Mac(1));
  EXPECT_EQ(addresses[0].port, a_);
  EXPECT_TRUE(addresses[0].is_static);
  EXPECT_THAT(bridges().AddressesOf("y"), IsEmpty());
  added.reset();
  EXPECT_FALSE(bridges().Lookup(b_, Mac(1)).valid());
}

TEST_F(L2BridgesTest, SeveralOwnersAndTheLastOfThem) {
  auto first = Add(a_, Mac(1));
  auto second = Add(a_, Mac(1));
  first.reset();
  EXPECT_EQ(bridges().Lookup(b_, Mac(1)), a_);
  second.reset();
  EXPECT_FALSE(bridges().Lookup(b_, Mac(1)).valid());
}

TEST_F(L2BridgesTest, RefusesWhatCannotBe) {
  const auto added = Add(a_, Mac(1));
  EXPECT_THAT(MessageOf(bridges().AddStatic(b_, Mac(1)).status()), HasSubstr("another port"));
  EXPECT_THAT(MessageOf(bridges().AddStatic(PortId(77), Mac(2)).status()),
              HasSubstr("is in no bridge"));
  EXPECT_THAT(MessageOf(bridges().AddStatic(b_, MacAddress()).status()), HasSubstr("it is zero"));
  EXPECT_TRUE(bridges().AddStatic(c_, Mac(1)).ok()) << "another bridge";
}

TEST_F(L2BridgesTest, WhatIsConfiguredStays) {
  const PortId d = AddPort("d", "x", Mac(4));
  Config config;
  BridgeConfig x;
  x.name = "x";
  x.static_entries = {{Mac(5), "a"}};
  config.bridges = {x};
  EXPECT_TRUE(module_->Configured(config).ok());
  Add(d, Mac(4)).reset();
  Add(a_, Mac(5)).reset();
  EXPECT_EQ(bridges().Lookup(a_, Mac(4)), d);
  EXPECT_EQ(bridges().Lookup(a_, Mac(5)), a_);
  // And what somebody has added stays when it is no longer configured.
  auto added = Add(a_, Mac(5));
  config.bridges[0].static_entries.clear();
  EXPECT_TRUE(module_->Configured(config).ok());
  EXPECT_EQ(bridges().Lookup(b_, Mac(5)), a_);
  added.reset();
  EXPECT_FALSE(bridges().Lookup(b_, Mac(5)).valid());
}

TEST_F(L2BridgesTest, ItGoesWithItsPortAndNotWithTheNextOne) {
  auto first = Add(a_, Mac(1));
  module_->RemovePort(a_);
  PortConfig config;
  config.name = "a";
  config.bridge = "y";
  EXPECT_TRUE(module_->AddPort(a_, config).ok());
  EXPECT_FALSE(bridges().Lookup(c_, Mac(1)).valid());
  auto second = Add(a_, Mac(1));
  first.reset();
  EXPECT_EQ(bridges().Lookup(c_, Mac(1)), a_) << "the owner of the one before has no say in it";
  second.reset();
  EXPECT_FALSE(bridges().Lookup(c_, Mac(1)).valid());
}

TEST_F(L2BridgesTest, OwnersMayOutliveTheModule) {
  auto added = Add(a_, Mac(1));
  module_.reset();
  added.reset();
}

}  // namespace
}  // namespace weft::l2
