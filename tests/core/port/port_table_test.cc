// SPDX-License-Identifier: Apache-2.0
#include "core/port/port_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/text.h"

namespace weft {
namespace {

using ::testing::ElementsAre;

// Asks the table, as it goes, who is still there.
class NosyBackend final : public PortBackend {
 public:
  NosyBackend(PortTable& table, std::vector<std::string>& seen) : table_(table), seen_(seen) {}
  ~NosyBackend() override {
    for (const auto& port : table_.ports()) seen_.push_back(port->name);
  }
  absl::Status Open() override { return absl::OkStatus(); }
  PortStatus Status() const override { return {}; }
  std::vector<PortFact> Facts() const override { return {}; }

 private:
  PortTable& table_;
  std::vector<std::string>& seen_;
};

class PortTableTest : public ::testing::Test {
 protected:
  PortId Add(std::string name) {
    const absl::StatusOr<Port*> port = table_.Add(std::move(name));
    EXPECT_TRUE(port.ok()) << port.status();
    return port.ok() ? (*port)->id : PortId();
  }
  Rcu rcu_;
  PortTable table_{rcu_};
};

TEST_F(PortTableTest, NumbersPortsFromZero) {
  EXPECT_EQ(Add("a"), PortId(0));
  EXPECT_EQ(Add("b"), PortId(1));
  EXPECT_EQ(table_.Find("b"), table_.Find(PortId(1)));
  EXPECT_EQ(table_.Find("c"), nullptr);
  EXPECT_EQ(table_.Find(PortId()), nullptr);
  EXPECT_EQ(table_.NameOf(PortId(1)), "b");
  EXPECT_EQ(table_.NameOf(PortId(9)), "port 9");
  ASSERT_EQ(table_.Wirings().size(), 2U);
  EXPECT_EQ(table_.Wirings()[1].port, PortId(1));
}

TEST_F(PortTableTest, TakesANameOnce) {
  Add("a");
  EXPECT_EQ(MessageOf(table_.Add("a").status()), "there is a port \"a\" already");
}

TEST_F(PortTableTest, GivesANumberAgainAfterReleaseAndQuiescence) {
  const WorkerId worker(0);
  rcu_.Register(worker);
  Add("a");
  Add("b");
  table_.Remove(PortId(0));
  EXPECT_EQ(table_.NameOf(PortId(0)), "port 0");
  rcu_.Quiescent(worker);
  rcu_.Poll();
  EXPECT_EQ(Add("c"), PortId(2)) << "nobody released it";
  table_.Release(PortId(0));
  rcu_.Poll();
  EXPECT_EQ(Add("d"), PortId(3)) << "a worker may still have it";
  rcu_.Quiescent(worker);
  rcu_.Poll();
  EXPECT_EQ(Add("e"), PortId(0));
  rcu_.Unregister(worker);
}

TEST_F(PortTableTest, HasRoomForSoMany) {
  for (size_t i = 0; i < kMaxPorts; ++i) Add(Cat("p", i));
  EXPECT_EQ(MessageOf(table_.Add("more").status()),
            "no room for port \"more\": there are 1024 already");
  table_.Remove(PortId(5));
  table_.Release(PortId(5));
  rcu_.Poll();
  EXPECT_EQ(Add("more"), PortId(5));
}

TEST_F(PortTableTest, ABackendThatGoesFindsAWholeTable) {
  std::vector<std::string> seen;
  for (const char* name : {"a", "b", "c"}) Add(name);
  table_.Find("a")->backend = std::make_unique<NosyBackend>(table_, seen);
  table_.Remove(PortId(0));
  EXPECT_THAT(seen, ElementsAre("b", "c"));
  table_.Remove(PortId(0));  // not there any more
  EXPECT_THAT(seen, ElementsAre("b", "c"));
}

TEST_F(PortTableTest, CallbacksMayOutliveIt) {
  {
    PortTable table(rcu_);
    ASSERT_TRUE(table.Add("a").ok());
    table.Remove(PortId(0));
    table.Release(PortId(0));
  }
  EXPECT_EQ(rcu_.Poll(), 0U);
}

}  // namespace
}  // namespace weft
