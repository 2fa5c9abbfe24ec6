// SPDX-License-Identifier: Apache-2.0
// What a NIC's port makes of its device: MTU, promiscuous mode, tags that stay where they are; with
// net_af_packet on a veth pair, whose other end is the kernel's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

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

// A frame with a VLAN tag, number 42 and priority 5.
Bytes Tagged(uint32_t seed) {
  Bytes frame = FrameTo("02:00:00:00:00:02").Type(kType).Size(100).Seed(seed).Build();
  const Bytes tag = {0x81, 0x00, 0xa0, 0x2a};
  frame.insert(frame.begin() + 12, tag.begin(), tag.end());
  return frame;
}

class VethTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!network_.ok()) GTEST_SKIP() << "no network namespace for us here";
    OwnNetwork::AddPair("weft0", "peer0");
  }
  static std::string Sysfs(std::string_view file) {
    std::ifstream stream(Cat("/sys/class/net/weft0/", file));
    std::string line;
    std::getline(stream, line);
    return line;
  }
  static bool IsPromiscuous() {
    return (std::stoul(Sysfs("flags"), nullptr, 16) & IFF_PROMISC) != 0;
  }

  const OwnNetwork network_;
};

TEST_F(VethTest, TagsAreNeitherStrippedNorFiltered) {
  RingNic ring("ring");
  NicBench bench;
  bench.AddPort(0, "net_af_packet22,iface=weft0");
  bench.AddPort(1, ring.name());
  PacketSocket kernel("peer0");
  for (uint32_t i = 0; i < 20; ++i) {
    kernel.Send(Tagged(i));
    std::vector<Bytes> sent;
    EXPECT_TRUE(bench.RunLoopUntil([&] {
      bench.Run();
      for (Bytes& frame : ring.TakeSent()) sent.push_back(std::move(frame));
      return !sent.empty();
    }));
    EXPECT_THAT(sent, ElementsAre(Tagged(i)));
  }
}

TEST_F(VethTest, PromiscuousWhileThePortIsThere) {
  EXPECT_FALSE(IsPromiscuous());
  NicBench bench;
  bench.AddPort(0, "net_af_packet22,iface=weft0");
  EXPECT_TRUE(IsPromiscuous());
  bench.RemovePort(0);
  EXPECT_FALSE(IsPromiscuous());
  auto opened = EthDevice::Open(Device::Parse("net_af_packet22,iface=weft0").value(),
                                {.promiscuous = false}, std::make_shared<MbufPools>());
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_FALSE(IsPromiscuous());
  EXPECT_THAT((*opened)->warnings(), ::testing::IsEmpty());
}

TEST_F(VethTest, TheInterfaceGetsTheMtuOfThePort) {
  NicBench bench;
  for (const uint16_t mtu : std::initializer_list<uint16_t>{1280, 1500, 9000}) {
    bench.AddPort(0, "net_af_packet22,iface=weft0", mtu);
    EXPECT_EQ(Sysfs("mtu"), Cat(mtu));
    bench.RemovePort(0);
  }
}

TEST_F(VethTest, AnMtuThatTheDeviceRefusesIsSaid) {
  const auto pools = std::make_shared<MbufPools>();
  const auto opened = EthDevice::Open(
      Device::Parse("net_af_packet22,iface=weft0,framesz=2048").value(), {.mtu = 4000}, pools);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_THAT((*opened)->warnings(),
              ElementsAre(HasSubstr("the device keeps its own MTU, 4000 was refused")));
}

}  // namespace
}  // namespace weft::nic
