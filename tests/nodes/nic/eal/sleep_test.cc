// SPDX-License-Identifier: Apache-2.0
// A quiet worker sleeps on its NICs' descriptors, where they have some.
#include <gtest/gtest.h>
#include <poll.h>

#include "core/base/text.h"
#include "tests/nodes/nic/eal/network.h"
#include "tests/nodes/nic/eal/nic_bench.h"
#include "tests/nodes/nic/eal/packet_socket.h"

namespace weft::nic {
namespace {

using weft::testing::FrameTo;

class SleepTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!network_.ok()) GTEST_SKIP() << "no network namespace for us here";
  }
  const OwnNetwork network_;
};

// As Worker::Rest does, without an end: a wake-up that is lost is a test that hangs until its
// guard.
TEST_F(SleepTest, AFrameOnATapWakes) {
  NicBench bench;
  bench.AddPort(0, "net_tap22,iface=weft0", 1500, 2);
  PacketSocket kernel("weft0");
  bench.Run();
  size_t slept = 0;
  for (uint32_t i = 0; i < 2000; ++i) {
    const uint64_t before = bench.counters(0).rx_packets.value();
    // Odd ones come before the worker looks for the last time, even ones while it means to sleep.
    const Bytes frame = FrameTo("02:00:00:00:00:02").Type(0x88b5).Size(60).Seed(i).Build();
    if (i % 2 == 1) kernel.Send(frame);
    SleepSet set;
    ASSERT_TRUE(bench.graph().CanSleep());
    bench.graph().PrepareSleep(set);
    ASSERT_FALSE(set.awake());
    ASSERT_EQ(set.size(), 2U);
    if (i % 2 == 0) {
      EXPECT_EQ(poll(set.data(), set.size(), 0), 0) << "nothing has come, so it would sleep";
      kernel.Send(frame);
    }
    while (bench.counters(0).rx_packets.value() == before) {
      ASSERT_GT(poll(set.data(), set.size(), 10'000), 0) << "it sleeps, and a frame waits: " << i;
      ++slept;
      bench.Poll();
    }
    bench.graph().Wake();
  }
  EXPECT_GE(slept, 2000U);
}

TEST_F(SleepTest, NapsWhereADriverHasNoDescriptors) {
  OwnNetwork::AddPair("weft0", "peer0");
  NicBench bench;
  EXPECT_TRUE(bench.graph().CanSleep()) << "no NIC, nothing to wait for";
  bench.AddPort(0, "net_tap22,iface=weft1");
  EXPECT_TRUE(bench.graph().CanSleep());
  bench.AddPort(1, "net_af_packet23,iface=weft0");
  EXPECT_FALSE(bench.graph().CanSleep());
  bench.RemovePort(1);
  EXPECT_TRUE(bench.graph().CanSleep());
}

}  // namespace
}  // namespace weft::nic
