// SPDX-License-Identifier: Apache-2.0
// Streams of two workers, and one container that gets them all: each packet arrives or is counted
// as lost, and those of a stream arrive in its order.
#include "tests/support/two_workers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/sdk/weft.h"

// NOLINTNEXTLINE(readability-identifier-naming): the name is what a loader looks for
extern "C" const weft::PluginDescriptor weft_plugin;

namespace weft::packet_generator {
namespace {

using testing::MacNumber;

constexpr uint64_t kEach = 20'000;

class GeneratorOfTwoWorkers : public testing::TwoWorkers {};

TEST_F(GeneratorOfTwoWorkers, ToAPort) {
  Start(weft_plugin.make(), R"(
[[port]]
name = "web-1"
vhost = {}
[[port]]
name = "web-2"
vhost = {}
[[port]]
name = "sink"
mac = "02:00:00:00:00:03"
vhost = {}
)");
  Attach("sink");
  // In 198.18.0.0/15 each packet has an address of its own.
  constexpr std::string_view kSettings =
      " count=20000 destination-mac=02:00:00:00:00:03 vary=source-ip values=100000 source-mac=";
  uint32_t number = 0x10;
  for (const std::string_view stream :
       {"one web-1 rate=max", "two web-2 rate=max", "paced web-2 rate=200kpps",
        "told sink into=egress rate=max"}) {
    const std::string source = MacNumber(number++).ToString();
    ASSERT_EQ(Run(Cat("packet-generator add ", stream, kSettings, source)), "");
  }
  ASSERT_TRUE(harness_.Until([&] {
    Look();
    return Received("sink") + Dropped("sink") == 4 * kEach;
  })) << Received("sink")
      << " received, " << Dropped("sink") << " dropped";
  EXPECT_EQ(harness_.Counted("generator-ingress", "made"), 3 * kEach);
  EXPECT_EQ(harness_.Counted("generator-egress", "made"), kEach);
  const auto counts = CountInOrder(FramesOf("sink"), 26);
  for (const auto& [source, count] : counts) EXPECT_LE(count, kEach) << source.ToString();
  EXPECT_FALSE(counts.empty());
  // Both workers made some.
  for (const auto& worker : harness_->workers()) {
    const NodeClass& node = *harness_->catalog().Find("generator-ingress");
    const uint64_t made = worker->counters().counter(node.first_counter).value();
    EXPECT_EQ(made, worker->id() == WorkerId(0) ? kEach : 2 * kEach);
  }
}

}  // namespace
}  // namespace weft::packet_generator
