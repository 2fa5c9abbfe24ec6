// SPDX-License-Identifier: Apache-2.0
// The arithmetic alone, on a clock of the test's own.
#include "plugins/policer/shared_bucket.h"

#include <gtest/gtest.h>
#include <rte_meter.h>

#include <algorithm>
#include <random>
#include <thread>
#include <vector>

#include "plugins/policer/rate.h"

namespace weft::policer {
namespace {

using namespace std::chrono_literals;

TEST(Rate, ReadsWhatItWrites) {
  for (const char* text : {"1pps", "999pps", "10kpps", "1500pps", "3Mpps", "1Gpps", "1bit/s",
                           "64kbit/s", "100Mbit/s", "2500Mbit/s", "10Gbit/s", "1Tbit/s"}) {
    const std::optional<Rate> rate = ParseRate(text);
    ASSERT_TRUE(rate.has_value()) << text;
    EXPECT_EQ(rate->ToString(), text);
  }
  EXPECT_EQ(ParseRate("1000kpps"), (Rate{1'000'000, Unit::kPackets}));
  EXPECT_EQ(ParseRate("100Mbit/s"), (Rate{100'000'000, Unit::kBytes}));
}

TEST(Rate, RefusesWhatIsNone) {
  for (const char* text :
       {"", "10", "kpps", "0pps", "-1pps", "1.5Mbit/s", "10 kpps", "10Kpps", "2Gpps", "1001Gbit/s",
        "99999999999999999999pps", "18446744073710kpps"}) {
    EXPECT_FALSE(ParseRate(text).has_value()) << text;
  }
}

TEST(Rate, EarnsWithoutLosingFractions) {
  const Rate packets = *ParseRate("3pps");
  EXPECT_EQ(packets.Earned(999'999'999ns), 2U);
  EXPECT_EQ(packets.Earned(1s), 3U);
  const Rate bytes = *ParseRate("1kbit/s");
  EXPECT_EQ(bytes.Earned(7'999'999ns), 0U);
  EXPECT_EQ(bytes.Earned(8ms), 1U);
  EXPECT_EQ(bytes.Earned(1s), 125U);
  EXPECT_EQ(ParseRate("1Tbit/s")->Earned(365 * 24h), uint64_t{365 * 86'400} * 125'000'000'000);
}

TEST(Rate, HasABurstOfTenMilliseconds) {
  EXPECT_EQ(ParseRate("1Mpps")->DefaultBurst(), 10'000U);
  EXPECT_EQ(ParseRate("10pps")->DefaultBurst(), 128U);
  EXPECT_EQ(ParseRate("1Gbit/s")->DefaultBurst(), 1'250'000U);
  EXPECT_EQ(ParseRate("1kbit/s")->DefaultBurst(), 131'072U);
}

TEST(SharedBucket, BeginsFullAtAnyTime) {
  for (const uint64_t now : {uint64_t{0}, uint64_t{1}, uint64_t{100}, uint64_t{1} << 62}) {
    SharedBucket bucket(5);
    EXPECT_EQ(bucket.Level(now), 5U) << now;
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(bucket.Take(now, 1)) << now;
    EXPECT_FALSE(bucket.Take(now, 1)) << now;
    EXPECT_EQ(bucket.Level(now), 0U) << now;
  }
}

TEST(SharedBucket, HoldsNoMoreThanItsBurst) {
  SharedBucket bucket(5);
  EXPECT_TRUE(bucket.Take(100, 5));
  EXPECT_EQ(bucket.Level(103), 3U);
  EXPECT_EQ(bucket.Level(105), 5U);
  EXPECT_EQ(bucket.Level(1'000'000), 5U);
  EXPECT_FALSE(bucket.Take(1'000'000, 6));
  EXPECT_TRUE(bucket.Take(1'000'000, 5));
}

TEST(SharedBucket, TakesNothingWhenItRefuses) {
  SharedBucket bucket(100);
  EXPECT_TRUE(bucket.Take(0, 60));
  EXPECT_FALSE(bucket.Take(0, 41));
  EXPECT_TRUE(bucket.Take(0, 40));
}

TEST(SharedBucket, GivesNothingTwiceToAWorkerThatIsBehind) {
  SharedBucket bucket(10);
  EXPECT_TRUE(bucket.Take(20, 10));
  EXPECT_FALSE(bucket.Take(15, 1));
  EXPECT_EQ(bucket.Level(15), 0U);
  EXPECT_TRUE(bucket.Take(21, 1));
}

TEST(SharedBucket, GoesOnWhenTheCountWraps) {
  SharedBucket bucket(4);
  const uint64_t end = ~uint64_t{0};
  for (uint64_t quarter = 1; quarter < 4; ++quarter) EXPECT_TRUE(bucket.Take(quarter << 62, 4));
  EXPECT_TRUE(bucket.Take(end - 1, 4));
  EXPECT_FALSE(bucket.Take(end - 1, 1));
  EXPECT_TRUE(bucket.Take(end + 2, 3));  // which is 1
  EXPECT_FALSE(bucket.Take(end + 2, 1));
}

TEST(SharedBucket, GoesOnWithWhatAnotherOneHad) {
  SharedBucket bucket(10);
  bucket.SetLevel(100, 3);
  EXPECT_EQ(bucket.Level(100), 3U);
  EXPECT_EQ(bucket.Level(102), 5U);
  EXPECT_TRUE(bucket.Take(100, 3));
  EXPECT_FALSE(bucket.Take(100, 1));
  bucket.SetLevel(100, 11);
  EXPECT_EQ(bucket.Level(100), 10U) << "no more than it holds";
}

// DPDK's meter of RFC 2697 says the same of each packet, at a rate that it can say exactly.
TEST(SharedBucket, AgreesWithLibrteMeter) {
  constexpr uint64_t kBurst = 9000;
  const Rate rate = *ParseRate("1kbit/s");  // a byte in 8 ms
  rte_meter_srtcm_profile profile{
      .cbs = kBurst, .ebs = 0, .cir_period = 8, .cir_bytes_per_period = 1};
  rte_meter_srtcm meter{.time = 0, .tc = kBurst, .te = 0};
  SharedBucket bucket(kBurst);
  std::mt19937 dice(7);
  uint64_t now = 0, passed = 0;
  for (int i = 0; i < 100'000; ++i) {
    now += dice() % (i % 1000 == 0 ? 200'000 : 9'000);
    const auto length = static_cast<uint32_t>(60 + dice() % 1455);
    const bool green =
        rte_meter_srtcm_color_blind_check(&meter, &profile, now, length) == RTE_COLOR_GREEN;
    ASSERT_EQ(bucket.Take(rate.Earned(std::chrono::milliseconds(now)), length), green)
        << "packet " << i;
    passed += green ? 1 : 0;
  }
  EXPECT_GT(passed, 10'000U);
  EXPECT_LT(passed, 90'000U);
}

// What several workers pass together is the bucket's arithmetic to the token: the burst, and all
// that came, when there is always more than that to send.
TEST(SharedBucket, GivesEachTokenToOneWorkerAlone) {
  constexpr uint64_t kBurst = 1000, kUntil = 200'000;
  SharedBucket bucket(kBurst);
  std::vector<uint64_t> passed(4), refused(4);
  std::vector<std::thread> workers;
  for (size_t i = 0; i < passed.size(); ++i) {
    workers.emplace_back([&, i] {
      uint64_t got = 0, not_got = 0;
      // Each step has one token, and each worker wants two.
      for (uint64_t now = 0; now <= kUntil; ++now) {
        for (int packet = 0; packet < 2; ++packet) ++(bucket.Take(now, 1) ? got : not_got);
      }
      passed[i] = got;
      refused[i] = not_got;
    });
  }
  for (std::thread& worker : workers) worker.join();
  uint64_t total = 0;
  for (size_t i = 0; i < passed.size(); ++i) {
    total += passed[i];
    EXPECT_EQ(passed[i] + refused[i], 2 * (kUntil + 1));
  }
  EXPECT_EQ(total, kBurst + kUntil);
  EXPECT_EQ(bucket.Level(kUntil), 0U);
}

}  // namespace
}  // namespace weft::policer
