// SPDX-License-Identifier: Apache-2.0
// The link of a NIC comes and goes: told by the driver, or found by looking.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "core/base/text.h"
#include "core/base/unique_fd.h"
#include "nodes/nic/preflight.h"
#include "tests/nodes/nic/eal/nic_bench.h"

namespace weft::nic {
namespace {

using weft::testing::FrameTo;

void SetUp(const std::string& interface, bool up) {
  const UniqueFd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  ASSERT_EQ(ioctl(any.get(), SIOCGIFFLAGS, &request), 0) << std::strerror(errno);
  const auto flag = static_cast<short>(IFF_UP);
  request.ifr_flags = static_cast<short>(up ? request.ifr_flags | flag : request.ifr_flags & ~flag);
  ASSERT_EQ(ioctl(any.get(), SIOCSIFFLAGS, &request), 0) << std::strerror(errno);
}

class TapLinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const absl::Status can = Preflight(Device::Parse(device_).value(), SystemView());
    if (!can.ok()) GTEST_SKIP() << MessageOf(can);
  }
  const std::string interface_ = Cat("weftlink", getpid() % 100'000);
  const std::string device_ = Cat("net_tap20,iface=", interface_);
};

// net_vhost's driver tells; its link is a connection of the other driver's.
TEST(LinkEventTest, TheDriverSaysThatItHasChanged) {
  std::string directory = (std::filesystem::temp_directory_path() / "weft-link-XXXXXX").string();
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  std::atomic<int> events = 0;
  const EventLoop loop;
  const auto pools = std::make_shared<MbufPools>();  // one, for the names in it are unique
  const auto open = [&](std::string_view device, EthDevice::OnEvent on_event) {
    auto opened = EthDevice::Open(Device::Parse(Cat(device, directory, "/sock")).value(), {}, pools,
                                  std::move(on_event));
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? *std::move(opened) : nullptr;
  };
  const auto back_end = open("net_vhost20,iface=", [&events] { ++events; });
  ASSERT_NE(back_end, nullptr);
  const auto hears_more_than = [&](int before) {
    const Time end = loop.Now() + std::chrono::seconds(10);
    while (events <= before && loop.Now() < end) usleep(1000);
    return events > before;
  };
  for (int round = 0; round < 2; ++round) {
    int before = events;
    auto front_end = open("net_virtio_user20,path=", nullptr);
    ASSERT_NE(front_end, nullptr);
    EXPECT_TRUE(hears_more_than(before));
    EXPECT_TRUE(back_end->link().up);
    before = events;
    front_end.reset();
    EXPECT_TRUE(hears_more_than(before));
    EXPECT_FALSE(back_end->link().up);
  }
  std::filesystem::remove_all(directory);
}

TEST_F(TapLinkTest, FramesToItAreDroppedWhileItIsDown) {
  RingNic ring("ring");
  NicBench bench;
  const NicPort& tap = bench.AddPort(0, device_);
  bench.AddPort(1, ring.name());
  const Bytes frame = FrameTo("02:00:00:00:00:02").Size(60).Build();
  for (int round = 1; round <= 2; ++round) {
    nic::SetUp(interface_, false);
    ASSERT_TRUE(bench.RunLoopUntil([&] { return bench.downs(0) == round; }));
    EXPECT_EQ(tap.Status().reason, Cat(interface_, " is switched off; `ip link set ", interface_,
                                       " up` switches it on"));
    ring.Receive(bench.MakeMbuf(frame));
    bench.Run();
    EXPECT_EQ(bench.Dropped(0, "nic-output", "port-down"), static_cast<uint64_t>(round));
    nic::SetUp(interface_, true);
    ASSERT_TRUE(bench.RunLoopUntil([&] { return bench.ups(0) == round + 1; }));
    ring.Receive(bench.MakeMbuf(frame));
    bench.Run();
    EXPECT_EQ(bench.counters(0).tx_packets.value(), static_cast<uint64_t>(round));
  }
  ring.TakeSent();  // what the kernel had to say
}

}  // namespace
}  // namespace weft::nic
