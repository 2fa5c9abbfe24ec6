// SPDX-License-Identifier: Apache-2.0
// Static entries follow the configuration, from one reload to the next.
#include "nodes/l2/l2_module.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/text.h"
#include "core/events/event_log.h"
#include "core/port/port_table.h"

namespace weft::l2 {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr uint64_t kFirst = 0x0200'0000'0000;
MacAddress Mac(uint64_t n) { return MacAddress::FromBits(kFirst + n); }

BridgeConfig Bridge(std::string name, std::vector<StaticEntry> entries = {}) {
  BridgeConfig bridge;
  bridge.name = std::move(name);
  bridge.static_entries = std::move(entries);
  return bridge;
}

class L2ModuleTest : public ::testing::Test {
 protected:
  L2ModuleTest() {
    module_.Register(registry_);
    for (const char* bridge : {"x", "y"}) {
      EXPECT_TRUE(module_.AddBridge(Bridge(bridge)).ok());
    }
  }
  PortId AddPort(const std::string& name, const std::string& bridge,
                 std::optional<MacAddress> mac = std::nullopt) {
    const PortId id = (*ports_.Add(name))->id;
    PortConfig config;
    config.name = name;
    config.bridge = bridge;
    config.mac = mac;
    EXPECT_EQ(MessageOf(module_.AddPort(id, config)), "");
    return id;
  }
  static Config Entries(std::vector<StaticEntry> x, std::vector<StaticEntry> y = {}) {
    Config config;
    config.bridges = {Bridge("x", std::move(x)), Bridge("y", std::move(y))};
    return config;
  }
  // "x a 02:00:00:00:00:01"
  std::vector<std::string> Fdb() {
    for (const Command& command : registry_.commands()) {
      if (command.words != "show l2 fdb") continue;
      std::vector<std::string> lines;
      const absl::StatusOr<Reply> reply = command.run(Arguments());
      for (const std::vector<Cell>& row : std::get<Table>(*reply).rows) {
        EXPECT_TRUE(std::get<bool>(row[3])) << "static";
        lines.push_back(Cat(std::get<std::string>(row[0]), " ", std::get<std::string>(row[2]), " ",
                            std::get<std::string>(row[1])));
      }
      return lines;
    }
    return {"no command"};
  }

  EventLoop loop_;
  Rcu rcu_;
  PortTable ports_{rcu_};
  NodeCatalog catalog_;
  Schemas schemas_;
  EventLog events_;
  Registry registry_{{loop_, rcu_, ports_, events_}, catalog_, schemas_};
  L2Module module_;
};

TEST_F(L2ModuleTest, EntriesComeMoveAndGo) {
  AddPort("a", "x");
  AddPort("b", "x");
  AddPort("c", "y");
  EXPECT_TRUE(module_.Configured(Entries({{Mac(1), "a"}, {Mac(2), "b"}}, {{Mac(1), "c"}})).ok());
  EXPECT_THAT(Fdb(), UnorderedElementsAre("x a 02:00:00:00:00:01", "x b 02:00:00:00:00:02",
                                          "y c 02:00:00:00:00:01"));
  // Two of them change places.
  EXPECT_TRUE(module_.Configured(Entries({{Mac(1), "b"}, {Mac(2), "a"}})).ok());
  EXPECT_THAT(Fdb(), UnorderedElementsAre("x b 02:00:00:00:00:01", "x a 02:00:00:00:00:02"));
  // What is retained is not resolved anew.
  module_.Retain(Entries({{Mac(1), "b"}, {Mac(3), "a"}}));
  EXPECT_THAT(Fdb(), ElementsAre("x b 02:00:00:00:00:01"));
  module_.Retain(Config());
  EXPECT_THAT(Fdb(), IsEmpty());
}

TEST_F(L2ModuleTest, APortsOwnAddressOutlivesItsEntry) {
  AddPort("a", "x", Mac(1));
  EXPECT_TRUE(module_.Configured(Entries({{Mac(1), "a"}})).ok());
  EXPECT_TRUE(module_.Configured(Entries({})).ok());
  EXPECT_THAT(Fdb(), ElementsAre("x a 02:00:00:00:00:01"));
}

TEST_F(L2ModuleTest, EntriesGoWithTheirPort) {
  const PortId a = AddPort("a", "x");
  EXPECT_TRUE(module_.Configured(Entries({{Mac(1), "a"}})).ok());
  module_.RemovePort(a);
  EXPECT_THAT(Fdb(), IsEmpty());
  ports_.Remove(a);
  AddPort("a", "x");
  EXPECT_TRUE(module_.Configured(Entries({{Mac(1), "a"}})).ok());
  EXPECT_THAT(Fdb(), ElementsAre("x a 02:00:00:00:00:01"));
}

TEST_F(L2ModuleTest, OnlyABridgeThatIsThereChanges) {
  EXPECT_TRUE(module_.ChangeBridge(Bridge("x")).ok());
  EXPECT_FALSE(module_.ChangeBridge(Bridge("z")).ok());
}

}  // namespace
}  // namespace weft::l2
