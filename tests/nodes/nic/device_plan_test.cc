// SPDX-License-Identifier: Apache-2.0
#include "nodes/nic/device_plan.h"

#include <gtest/gtest.h>

namespace weft::nic {
namespace {

Device Parsed(std::string_view text) { return Device::Parse(text).value(); }

TEST(DevicePlanTest, TheDriverIsToldWhatFollowsFromTheSettings) {
  const Device packet = Parsed("net_af_packet0,iface=eth1");
  EXPECT_EQ(PlugText(packet, {}), "net_af_packet0,iface=eth1");
  EXPECT_EQ(PlugText(packet, {.queues = 4}), "net_af_packet0,iface=eth1,qpairs=4");
  EXPECT_EQ(PlugText(packet, {.mtu = 9000, .queues = 2}),
            "net_af_packet0,iface=eth1,framesz=10240,blocksz=20480,qpairs=2");
  EXPECT_EQ(PlugText(Parsed("net_af_packet0,iface=eth1,framesz=4096,qpairs=2"),
                     {.mtu = 3000, .queues = 2}),
            "net_af_packet0,iface=eth1,framesz=4096,qpairs=2")
      << "who says it himself is not told";
  EXPECT_EQ(PlugText(Parsed("net_af_xdp0,iface=eth1"), {.queues = 2}),
            "net_af_xdp0,iface=eth1,queue_count=2");
  EXPECT_EQ(PlugText(Parsed("net_null0"), {.mtu = 9000, .queues = 4}), "net_null0");
  EXPECT_EQ(PlugText(Parsed("3b:00.1"), {.queues = 4}), "0000:3b:00.1");
}

TEST(DevicePlanTest, HardwareHasATransmitQueueForEachWorkerThatItCan) {
  const Device pci = Parsed("3b:00.1");
  EXPECT_EQ(TransmitQueues(pci, {.queues = 1, .workers = 4}, 8), 4);
  EXPECT_EQ(TransmitQueues(pci, {.queues = 1, .workers = 4}, 2), 2);
  EXPECT_EQ(TransmitQueues(pci, {.queues = 4, .workers = 2}, 8), 2);
}

TEST(DevicePlanTest, VirtualDevicesHavePairs) {
  const Device tap = Parsed("net_tap0");
  EXPECT_EQ(TransmitQueues(tap, {.queues = 1, .workers = 4}, 16), 1);
  EXPECT_EQ(TransmitQueues(tap, {.queues = 2, .workers = 1}, 16), 2);
  EXPECT_EQ(TransmitQueues(tap, {.queues = 4, .workers = 4}, 1), 1);
}

TEST(DevicePlanTest, PoolsGrowWithQueuesAndFrames) {
  const Device null = Parsed("net_null0");
  const MbufPools::Size one = PoolSize(null, {});
  EXPECT_EQ(PoolSize(null, {.queues = 4}).buffers + 1, 4 * (one.buffers + 1));
  EXPECT_EQ(one.frame, 2048U);
  EXPECT_GE(PoolSize(null, {.mtu = 9000}).frame, 9018U) << "in one piece";
  EXPECT_EQ(PoolSize(Parsed("net_af_packet0,iface=a,framesz=4096"), {}).frame, 4096U)
      << "its driver wants room for a whole slot";
}

TEST(DevicePlanTest, SlotsOfPacketSockets) {
  EXPECT_TRUE(SlotsHoldFrames(Parsed("net_af_packet0,iface=a"), {}));
  EXPECT_TRUE(SlotsHoldFrames(Parsed("net_af_packet0,iface=a"), {.mtu = 9202})) << "made for it";
  EXPECT_TRUE(SlotsHoldFrames(Parsed("net_af_packet0,iface=a,framesz=4096"), {.mtu = 4000}));
  EXPECT_FALSE(SlotsHoldFrames(Parsed("net_af_packet0,iface=a,framesz=4096"), {.mtu = 4010}));
  EXPECT_FALSE(SlotsHoldFrames(Parsed("net_af_packet0,iface=a,blocksz=4096"), {.mtu = 4000}));
}

}  // namespace
}  // namespace weft::nic
