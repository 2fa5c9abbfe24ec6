// SPDX-License-Identifier: Apache-2.0
// A NIC's device goes under the port, and comes back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rte_ethdev.h>

#include "core/base/text.h"
#include "tests/nodes/nic/eal/network.h"
#include "tests/nodes/nic/eal/nic_bench.h"
#include "tests/nodes/nic/eal/packet_socket.h"

namespace weft::nic {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using weft::testing::FrameTo;

constexpr uint16_t kType = 0x88b5;  // for experiments (IEEE 802 §9.2.4)

Bytes FrameOf(uint32_t seed) {
  return FrameTo("02:00:00:00:00:02").Type(kType).Size(200).Seed(seed).Build();
}

class RemovalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!network_.ok()) GTEST_SKIP() << "no network namespace for us here";
  }
  // One frame each way between the kernel's interface and the ring on port 1.
  static void CrossesBothWays(NicBench& bench, RingNic& ring, const std::string& interface) {
    PacketSocket kernel(interface);
    for (uint32_t i = 0; i < 20; ++i) {
      kernel.Send(FrameOf(i));
      std::vector<Bytes> sent;
      EXPECT_TRUE(bench.RunLoopUntil([&] {
        bench.Run();
        for (Bytes& frame : ring.TakeSent()) {  // the kernel has things of its own to say
          if (frame[12] == kType >> 8 && frame[13] == (kType & 0xff)) {
            sent.push_back(std::move(frame));
          }
        }
        return !sent.empty();
      }));
      EXPECT_THAT(sent, ElementsAre(FrameOf(i)));
      ring.Receive(bench.MakeMbuf(FrameOf(100 + i)));
      bench.Run();
      EXPECT_EQ(kernel.Receive(kType), FrameOf(100 + i));
    }
  }

  const OwnNetwork network_;
};

TEST_F(RemovalTest, VethIsDeletedAndMadeAgain) {
  OwnNetwork::AddPair("weft0", "peer0");
  RingNic ring("ring");
  NicBench bench;
  const NicPort& port = bench.AddPort(0, "net_af_packet20,iface=weft0");
  bench.AddPort(1, ring.name());
  for (int round = 1; round <= 3; ++round) {
    CrossesBothWays(bench, ring, "peer0");
    bench.rcu().Register(WorkerId(0));  // in a dispatch, from now on
    OwnNetwork::Ip("link delete weft0");
    ASSERT_TRUE(bench.RunLoopUntil([&] { return bench.downs(0) == round; }));
    EXPECT_EQ(port.Status().state, PortState::kDown);
    EXPECT_EQ(port.Status().reason, "waits: the interface weft0 is gone");
    uint16_t number = 0;
    EXPECT_EQ(rte_eth_dev_get_port_by_name("net_af_packet20", &number), 0)
        << "a worker may be polling it";
    ring.Receive(bench.MakeMbuf(FrameOf(0)));
    bench.Run();
    EXPECT_EQ(bench.Dropped(0, "nic-output", "port-down"), static_cast<uint64_t>(round));
    bench.rcu().Quiescent(WorkerId(0));
    bench.rcu().Unregister(WorkerId(0));
    EXPECT_TRUE(bench.RunLoopUntil(
        [&] { return rte_eth_dev_get_port_by_name("net_af_packet20", &number) != 0; }));
    EXPECT_TRUE(bench.RunLoopUntil([&] {
      return port.Status().reason ==
             "waits: device net_af_packet20: there is no network interface weft0 (there are none)";
    })) << port.Status().reason;
    EXPECT_EQ(bench.state().pools().waiting(), 0U) << "all its mbufs are back";
    OwnNetwork::AddPair("weft0", "peer0");
    ASSERT_TRUE(bench.RunLoopUntil([&] { return bench.ups(0) == round + 1; }))
        << port.Status().reason;
  }
  CrossesBothWays(bench, ring, "peer0");
}

// Deleted and made again before anybody looked: the same name, another interface.
TEST_F(RemovalTest, AnotherInterfaceOfTheSameName) {
  OwnNetwork::AddPair("weft0", "peer0");
  RingNic ring("ring");
  NicBench bench;
  bench.AddPort(0, "net_af_packet20,iface=weft0");
  bench.AddPort(1, ring.name());
  OwnNetwork::Ip("link delete weft0");
  OwnNetwork::AddPair("weft0", "peer0");
  ASSERT_TRUE(bench.RunLoopUntil([&] { return bench.ups(0) == 2; }));
  EXPECT_EQ(bench.downs(0), 1);
  CrossesBothWays(bench, ring, "peer0");
}

TEST_F(RemovalTest, TapThatSomebodyDeletedIsMadeAgain) {
  RingNic ring("ring");
  NicBench bench;
  bench.AddPort(0, "net_tap21,iface=weft0");
  bench.AddPort(1, ring.name());
  OwnNetwork::Ip("link delete weft0");
  ASSERT_TRUE(bench.RunLoopUntil([&] { return bench.ups(0) == 2; }));
  CrossesBothWays(bench, ring, "weft0");
  ring.TakeSent();
}

TEST_F(RemovalTest, ThereAtTheStartOrWaitedFor) {
  NicBench bench;
  const auto strict = bench.MakePort(0, "net_af_packet20,iface=weft0");
  EXPECT_THAT(MessageOf(strict->Open()), HasSubstr("there is no network interface weft0"));
  const auto patient = bench.MakeWaitingPort(1, "net_af_packet20,iface=weft0");
  ASSERT_TRUE(patient->Open().ok());
  EXPECT_THAT(patient->Status().reason, HasSubstr("waits: device net_af_packet20: there is no"));
  OwnNetwork::AddPair("weft0", "peer0");
  EXPECT_TRUE(bench.RunLoopUntil([&] { return bench.ups(1) == 1; })) << patient->Status().reason;
}

}  // namespace
}  // namespace weft::nic
