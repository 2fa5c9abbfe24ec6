// SPDX-License-Identifier: Apache-2.0
// Bridges and ports as control changes them, and what workers see of it.
#include "nodes/l2/bridge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace weft::l2 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr PortId kP0(0), kP1(1), kP2(2);
constexpr uint32_t kNoLimit = 1'000;

MacAddress Mac(uint64_t n) { return MacAddress::FromBits(0x0200'0000'0000 + n); }
GroupId Group(BridgeId bridge) { return GroupId(bridge.value()); }

class BridgeTest : public ::testing::Test {
 protected:
  Rcu rcu_;
  L2State state_{rcu_, {.capacity = 100, .seed = 1}};
  BridgeId blue_ = *state_.AddBridge("blue");
};

TEST_F(BridgeTest, MembersAreThePortsThatAreUp) {
  const BridgeId red = *state_.AddBridge("red");
  ASSERT_TRUE(state_.AddPort(kP0, blue_, {}).ok());
  ASSERT_TRUE(state_.AddPort(kP1, red, {}).ok());
  ASSERT_TRUE(state_.AddPort(kP2, blue_, {}).ok());
  EXPECT_THAT(state_.table().members(Group(blue_)), IsEmpty());
  for (const PortId port : {kP2, kP1, kP0}) state_.PortUp(port);
  EXPECT_THAT(state_.table().members(Group(blue_)), ElementsAre(kP0, kP2));
  EXPECT_THAT(state_.table().members(Group(red)), ElementsAre(kP1));
  state_.PortDown(kP0);
  EXPECT_THAT(state_.table().members(Group(blue_)), ElementsAre(kP2));
  EXPECT_EQ(state_.table().port(kP0).bridge, blue_);
  state_.RemovePort(kP2);
  EXPECT_THAT(state_.table().members(Group(blue_)), IsEmpty());
  EXPECT_FALSE(state_.table().port(kP2).bridge.valid());
  EXPECT_THAT(state_.table().members(GroupId()), IsEmpty());
}

TEST_F(BridgeTest, PortOptionsBecomeLimits) {
  ASSERT_TRUE(state_.AddPort(kP0, blue_, {}).ok());
  EXPECT_EQ(state_.table().port(kP0).mac_limit, kDefaultMacLimit);
  EXPECT_TRUE(state_.table().port(kP0).learning);  // though it is down: its limits hold
  state_.PortUp(kP0);
  EXPECT_TRUE(state_.table().port(kP0).learning);
  ASSERT_TRUE(state_.AddPort(kP1, blue_, {.mac = Mac(1)}).ok());
  EXPECT_EQ(state_.table().port(kP1).mac_limit, 0u);
  ASSERT_TRUE(state_.AddPort(kP2, blue_, {.mac = Mac(2), .mac_limit = 3, .learning = false}).ok());
  EXPECT_EQ(state_.table().port(kP2).mac_limit, 3u);
  state_.PortUp(kP2);
  EXPECT_FALSE(state_.table().port(kP2).learning);
  EXPECT_EQ(state_.fdb().Lookup(FdbKey(blue_, Mac(2))), kP2);
}

TEST_F(BridgeTest, RefusesWhatCannotBe) {
  ASSERT_TRUE(state_.AddPort(kP0, blue_, {.mac = Mac(1)}).ok());
  EXPECT_EQ(state_.AddPort(kP0, blue_, {}).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(state_.AddPort(kP1, BridgeId(9), {}).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(state_.AddPort(kP1, BridgeId(), {}).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(state_.AddPort(PortId(kMaxPorts), blue_, {}).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(state_.AddPort(kP1, blue_, {.mac = Mac(1)}).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_FALSE(state_.table().port(kP1).bridge.valid());  // an error leaves nothing behind
  EXPECT_EQ(state_.AddBridge("blue").status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(state_.AddBridge("").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(state_.RemoveBridge(BridgeId(9)).code(), absl::StatusCode::kNotFound);
  const absl::Status busy = state_.RemoveBridge(blue_);
  EXPECT_EQ(busy.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(busy.message()), HasSubstr("bridge \"blue\" still has 1 port:"));
  EXPECT_EQ(state_.AddStatic(blue_, Mac(5), kP1).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(state_.RemoveStatic(blue_, Mac(5)).code(), absl::StatusCode::kNotFound);
}

TEST_F(BridgeTest, ThereAreOnlySoManyBridges) {
  for (size_t i = 1; i < kMaxBridges; ++i) {
    ASSERT_TRUE(state_.AddBridge("b" + std::to_string(i)).ok());
  }
  EXPECT_EQ(state_.AddBridge("more").status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(state_.FindBridge("b7").value(), 7);
  EXPECT_EQ(state_.bridge_name(BridgeId(7)), "b7");
  EXPECT_FALSE(state_.FindBridge("more").valid());
}

TEST_F(BridgeTest, RemovingAPortTakesItsEntriesAlong) {
  ASSERT_TRUE(state_.AddPort(kP0, blue_, {.mac = Mac(1)}).ok());
  ASSERT_TRUE(state_.AddStatic(blue_, Mac(2), kP0).ok());
  state_.fdb().Learn(FdbKey(blue_, Mac(3)), kP0, kNoLimit, 0);
  EXPECT_EQ(state_.Entries().size(), 3u);
  state_.RemovePort(kP0);
  EXPECT_THAT(state_.Entries(), IsEmpty());
  EXPECT_TRUE(state_.AddPort(kP1, blue_, {.mac = Mac(1)}).ok());  // its address is free again
}

TEST_F(BridgeTest, WhatAWorkerLearnsFromAnOldTableIsForgottenToo) {
  const WorkerId worker(0);
  rcu_.Register(worker);
  ASSERT_TRUE(state_.AddPort(kP0, blue_, {}).ok());
  state_.PortUp(kP0);
  state_.PortDown(kP0);
  // The worker is still in a dispatch that began while the port was up.
  state_.fdb().Learn(FdbKey(blue_, Mac(3)), kP0, kNoLimit, 0);
  rcu_.Poll();
  EXPECT_EQ(state_.Entries().size(), 1u);
  rcu_.Quiescent(worker);
  rcu_.Poll();
  EXPECT_THAT(state_.Entries(), IsEmpty());
  rcu_.Unregister(worker);
}

TEST_F(BridgeTest, ABridgeIdIsReusedOnlyWhenNobodyKnowsTheOldOne) {
  const WorkerId worker(0);
  rcu_.Register(worker);
  ASSERT_TRUE(state_.RemoveBridge(blue_).ok());
  EXPECT_FALSE(state_.FindBridge("blue").valid());
  state_.fdb().Learn(FdbKey(blue_, Mac(3)), kP0, kNoLimit, 0);  // by a worker with the old table
  EXPECT_NE(*state_.AddBridge("green"), blue_);
  rcu_.Quiescent(worker);
  rcu_.Poll();
  EXPECT_THAT(state_.Entries(), IsEmpty());
  EXPECT_EQ(*state_.AddBridge("red"), blue_);
  rcu_.Unregister(worker);
}

TEST_F(BridgeTest, AgeingIsPerBridgeAndCanChange) {
  const BridgeId red = *state_.AddBridge("red", 0);
  state_.Tick(std::chrono::seconds(1'000));
  EXPECT_EQ(state_.now(), 1'000u);
  state_.fdb().Learn(FdbKey(blue_, Mac(1)), kP0, kNoLimit, state_.now());
  state_.fdb().Learn(FdbKey(red, Mac(1)), kP0, kNoLimit, state_.now());
  state_.Tick(std::chrono::seconds(1'000 + kDefaultAgeing));
  ASSERT_EQ(state_.Entries().size(), 1u);
  EXPECT_EQ(state_.Entries()[0].bridge, red);
  EXPECT_EQ(state_.Entries()[0].age, kDefaultAgeing);
  ASSERT_TRUE(state_.SetAgeing(red, 10).ok());
  state_.Tick(std::chrono::seconds(1'001 + kDefaultAgeing));
  EXPECT_THAT(state_.Entries(), IsEmpty());
  EXPECT_EQ(state_.SetAgeing(BridgeId(200), 10).code(), absl::StatusCode::kNotFound);
}

TEST(L2StateTest, MayGoBeforeTheRcuThatStillHasItsCallbacks) {
  Rcu rcu;
  const WorkerId worker(0);
  rcu.Register(worker);
  {
    L2State state(rcu, {.capacity = 10, .seed = 1});
    const BridgeId bridge = *state.AddBridge("blue");
    ASSERT_TRUE(state.AddPort(kP0, bridge, {}).ok());
    state.RemovePort(kP0);
    ASSERT_TRUE(state.RemoveBridge(bridge).ok());
  }
  EXPECT_GT(rcu.Poll(), 0u);
  rcu.Quiescent(worker);
  EXPECT_EQ(rcu.Poll(), 0u);
  rcu.Unregister(worker);
}

TEST(L2StateTest, SeedsDiffer) { EXPECT_NE(L2State::RandomSeed(), L2State::RandomSeed()); }

}  // namespace
}  // namespace weft::l2
