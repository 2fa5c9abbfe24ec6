// SPDX-License-Identifier: Apache-2.0
// Sets of places, and that the steps of a split do the same whatever the machine has.
#include "core/graph/place_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace weft {
namespace {

using ::testing::ElementsAreArray;

TEST(PlaceSet, HoldsThePlacesUpToASize) {
  for (size_t size = 0; size <= Frame::kCapacity; ++size) {
    const PlaceSet set = PlaceSet::UpTo(size);
    EXPECT_EQ(set.size(), size);
    EXPECT_EQ(set.Lowest(), size == 0 ? Frame::kCapacity : 0);
  }
}

TEST(PlaceSet, AddsAndRemoves) {
  PlaceSet set = PlaceSet::UpTo(200);
  set.Remove(PlaceSet::UpTo(129));
  EXPECT_EQ(set.Lowest(), 129U);
  EXPECT_EQ(set.size(), 71U);
  set.Add(PlaceSet::UpTo(1));
  EXPECT_EQ(set.Lowest(), 0U);
  EXPECT_EQ(set.size(), 72U);
}

class Steps : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam() && !SplitSteps::HasAvx512()) GTEST_SKIP() << "this machine has no AVX-512";
  }
  const SplitSteps& steps() const {
    return GetParam() ? SplitSteps::kAvx512 : SplitSteps::kBaseline;
  }
};

// Packets are told apart by their addresses alone.
TEST_P(Steps, GatherWhatHasTheVerdictInOrderAndNothingElse) {
  const std::vector<Packet> packets(Frame::kCapacity);
  Packet guard;
  std::mt19937 random(1);
  for (size_t size = 0; size <= Frame::kCapacity; ++size) {
    for (const uint32_t kinds : {1U, 2U, 5U, 200U}) {
      std::vector<Packet*> frame;
      for (size_t i = 0; i < size; ++i) frame.push_back(const_cast<Packet*>(&packets[i]));
      Verdicts verdicts;
      for (size_t i = 0; i < Frame::kCapacity; ++i)  // behind the last stand verdicts of old
        verdicts[i] = static_cast<VerdictCode>(0xff - random() % kinds);
      PlaceSet rest = PlaceSet::UpTo(size);
      while (rest.Lowest() < size) {
        const VerdictCode code = verdicts[rest.Lowest()];
        std::vector<Packet*> expected;
        for (size_t i = 0; i < size; ++i) {
          if (verdicts[i] == code) expected.push_back(frame[i]);
        }
        const PlaceSet places = steps().match(verdicts, code, rest);
        ASSERT_EQ(places.size(), expected.size());
        expected.push_back(&guard);
        std::vector<Packet*> gathered(expected.size(), &guard);
        steps().gather(gathered.data(), frame.data(), places);
        ASSERT_THAT(gathered, ElementsAreArray(expected)) << size << " packets, " << kinds;
        rest.Remove(places);
      }
    }
  }
}

TEST_P(Steps, MatchOnlyAmongWhatIsAsked) {
  Verdicts verdicts;
  verdicts.codes.fill(7);
  PlaceSet among = PlaceSet::UpTo(250);
  among.Remove(PlaceSet::UpTo(100));
  EXPECT_EQ(steps().match(verdicts, 7, among).words, among.words);
  EXPECT_EQ(steps().match(verdicts, 8, among).size(), 0U);
}

INSTANTIATE_TEST_SUITE_P(All, Steps, ::testing::Bool(), [](const auto& instance) {
  return instance.param ? "Avx512" : "Baseline";
});

}  // namespace
}  // namespace weft
