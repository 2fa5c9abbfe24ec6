// SPDX-License-Identifier: Apache-2.0
// Random operations on the forwarding database and on its model: every result and every state must
// agree, on a table that is always full and on one that never is.
#include <gtest/gtest.h>

#include <random>

#include "nodes/l2/fdb.h"
#include "tests/nodes/l2/l2_model.h"

namespace weft::l2 {
namespace {

class FdbAgainstModel : public ::testing::TestWithParam<size_t> {
 protected:
  void ExpectSameState(Seconds now) {
    ASSERT_EQ(model_.Mismatch(fdb_.Snapshot(now), now), "");
    ASSERT_EQ(fdb_.size(), model_.entries().size());
    for (uint16_t port = 0; port < kPorts; ++port) {
      ASSERT_EQ(fdb_.learned(PortId(port)), model_.learned(PortId(port)));
    }
  }

  static constexpr uint16_t kPorts = 4;
  static constexpr uint16_t kBridges = 3;
  Fdb fdb_{GetParam(), 99};
  FdbModel model_{fdb_.places()};
};

TEST_P(FdbAgainstModel, AgreesAfterEveryOperation) {
  std::mt19937 random(GetParam() == 1 ? 1 : 2);
  const auto pick = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  Seconds now = 1000;
  std::map<LearnResult, int> results;
  fdb_.SetAgeing(BridgeId(1), 5);
  model_.SetAgeing(BridgeId(1), 5);
  fdb_.SetAgeing(BridgeId(2), 50);
  model_.SetAgeing(BridgeId(2), 50);
  for (int step = 0; step < 40'000; ++step) {
    const BridgeId bridge(static_cast<uint16_t>(pick(kBridges)));
    const PortId port(static_cast<uint16_t>(pick(kPorts)));
    const MacAddress mac = MacAddress::FromBits(0x0200'0000'0000 + pick(12));
    const FdbKey key(bridge, mac);
    const FlushScope scope = pick(4) == 0 ? FlushScope::kEverything : FlushScope::kLearned;
    ASSERT_EQ(fdb_.Lookup(key), model_.Lookup(bridge, mac));
    const uint32_t choice = pick(200);
    if (choice < 160) {
      const uint32_t limit = pick(8);
      const LearnResult result = fdb_.Learn(key, port, limit, now);
      ASSERT_EQ(result, model_.Learn(bridge, mac, port, limit, now));
      ++results[result];
    } else if (choice < 166) {
      const bool was_full = model_.full();
      const absl::Status status = fdb_.AddStatic(bridge, mac, port);
      if (was_full) {
        ASSERT_TRUE(model_.AdoptDisplaced(fdb_.Snapshot(now)));
      }
      ASSERT_EQ(status.ok(), model_.AddStatic(bridge, mac, port)) << status;
    } else if (choice < 174) {
      ASSERT_EQ(fdb_.RemoveStatic(bridge, mac).ok(), model_.RemoveStatic(bridge, mac));
    } else if (choice < 175) {
      ASSERT_EQ(fdb_.FlushPort(port, scope), model_.FlushPort(port, scope));
    } else if (choice < 176) {
      ASSERT_EQ(fdb_.FlushBridge(bridge, scope), model_.FlushBridge(bridge, scope));
    } else if (choice < 186) {
      size_t removed = 0;
      for (size_t i = 0; i < fdb_.age_slices(); ++i) removed += fdb_.Age(now);
      ASSERT_EQ(removed, model_.Age(now));
    } else {
      now += pick(3);
    }
    if (step % 16 == 0) {
      ASSERT_NO_FATAL_FAILURE(ExpectSameState(now)) << "step " << step;
    }
  }
  ExpectSameState(now);
  for (const LearnResult result :
       {LearnResult::kKnown, LearnResult::kRefreshed, LearnResult::kLearned, LearnResult::kMoved,
        LearnResult::kStaticElsewhere, LearnResult::kPortLimit}) {
    EXPECT_GT(results[result], 100) << static_cast<int>(result);
  }
  EXPECT_EQ(results[LearnResult::kTableFull] > 100, GetParam() == 1);
}

INSTANTIATE_TEST_SUITE_P(FullAndRoomy, FdbAgainstModel, ::testing::Values(1, 1000));

}  // namespace
}  // namespace weft::l2
