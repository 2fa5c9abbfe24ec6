// SPDX-License-Identifier: Apache-2.0
// The nodes with drivers that make, take or pass frames by themselves: net_null, net_pcap,
// net_memif, net_tap.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/base/text.h"
#include "nodes/nic/preflight.h"
#include "tests/nodes/nic/eal/memif_peer.h"
#include "tests/nodes/nic/eal/nic_bench.h"
#include "tests/nodes/nic/eal/packet_socket.h"

namespace weft::nic {
namespace {

namespace fs = std::filesystem;
using weft::testing::FrameTo;

class DriversTest : public ::testing::Test {
 protected:
  DriversTest() {
    std::string name = (fs::temp_directory_path() / "weft-nic-XXXXXX").string();
    directory_ = mkdtemp(name.data());
  }
  ~DriversTest() override { fs::remove_all(directory_); }
  std::string Path(std::string_view name) const { return (directory_ / name).string(); }

  fs::path directory_;
};

// The classic format of libpcap, in the byte order of this machine.
void WriteCapture(const std::string& path, const std::vector<Bytes>& frames) {
  std::ofstream file(path, std::ios::binary);
  const auto put = [&](auto value) {
    file.write(reinterpret_cast<const char*>(&value), sizeof(value));
  };
  put(uint32_t{0xa1b2c3d4});
  put(uint16_t{2});
  put(uint16_t{4});
  put(uint64_t{0});
  put(uint32_t{65535});
  put(uint32_t{1});  // Ethernet
  for (const Bytes& frame : frames) {
    put(uint64_t{0});
    put(static_cast<uint32_t>(frame.size()));
    put(static_cast<uint32_t>(frame.size()));
    file.write(reinterpret_cast<const char*>(frame.data()),
               static_cast<std::streamsize>(frame.size()));
  }
}

std::vector<Bytes> ReadCapture(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<Bytes> frames;
  file.ignore(24);
  for (uint32_t head[4]; file.read(reinterpret_cast<char*>(head), sizeof(head));) {
    Bytes frame(head[2]);
    file.read(reinterpret_cast<char*>(frame.data()), static_cast<std::streamsize>(frame.size()));
    frames.push_back(std::move(frame));
  }
  return frames;
}

TEST_F(DriversTest, NullIsAlwaysBusy) {
  NicBench bench;
  bench.AddPort(0, "net_null0,size=64");
  bench.AddPort(1, "net_null1,size=128");
  uint64_t total = 0;
  for (int i = 0; i < 1000; ++i) total += bench.Poll();
  EXPECT_EQ(total, 256'000U) << "a busy port fills what the others leave";
  const PortCounters& a = bench.counters(0);
  const PortCounters& b = bench.counters(1);
  EXPECT_EQ(a.rx_packets.value() + b.rx_packets.value(), total);
  EXPECT_EQ(a.rx_packets.value(), b.rx_packets.value()) << "and they take turns";
  EXPECT_EQ(a.tx_packets.value(), b.rx_packets.value());
  EXPECT_EQ(b.tx_packets.value(), a.rx_packets.value());
  EXPECT_EQ(a.tx_bytes.value(), 128 * b.rx_packets.value());
}

TEST_F(DriversTest, CaptureFiles) {
  std::vector<Bytes> frames;
  for (uint32_t i = 0; i < 400; ++i) {
    frames.push_back(FrameTo("02:00:00:00:00:02").Size(60 + i * 22).Seed(i).Build());  // to 8838
  }
  WriteCapture(Path("in.pcap"), frames);
  {
    NicBench bench;
    bench.AddPort(0, Cat("net_pcap0,rx_pcap=", Path("in.pcap")), 1500);
    bench.AddPort(1, Cat("net_pcap1,tx_pcap=", Path("out.pcap")), 9000);
    EXPECT_EQ(bench.Run(), 400U);
    EXPECT_EQ(bench.counters(1).tx_packets.value(), 400U);
  }
  EXPECT_EQ(ReadCapture(Path("out.pcap")), frames);
}

TEST_F(DriversTest, MemifPeerComesGoesAndComesAgain) {
  RingNic ring("ring");
  NicBench bench;
  bench.AddPort(0, ring.name(), 9000);
  const std::string socket = Path("memif.sock");
  const auto port = bench.MakePort(
      1, Cat("net_memif0,role=server,id=5,socket-abstract=no,socket=", socket), 9000);
  ASSERT_TRUE(port->Open().ok());
  for (int round = 1; round <= 2; ++round) {
    EXPECT_EQ(bench.ups(1), round - 1) << "nobody is connected";
    auto peer = std::make_unique<MemifPeer>(socket);
    ASSERT_TRUE(bench.RunLoopUntil([&] { return bench.ups(1) == round; })) << port->Status().reason;
    std::vector<Bytes> frames;
    for (uint32_t i = 0; i < 100; ++i) {
      frames.push_back(FrameTo("02:00:00:00:00:02").Size(60 + i * 80).Seed(i).Build());
      ring.Receive(bench.MakeMbuf(frames.back()));
    }
    std::vector<Bytes> echoed;
    EXPECT_TRUE(bench.RunLoopUntil([&] {
      bench.Run();
      for (Bytes& frame : ring.TakeSent()) echoed.push_back(std::move(frame));
      return echoed.size() >= frames.size();
    }));
    EXPECT_EQ(echoed, frames);
    peer.reset();
    EXPECT_TRUE(bench.RunLoopUntil([&] { return bench.downs(1) == round; }));
    EXPECT_EQ(port->Status().state, PortState::kDown);
    EXPECT_EQ(port->Status().reason, "the device has no link");
  }
}

TEST_F(DriversTest, TapIsAnInterfaceOfTheKernel) {
  const SystemView system;
  if (!Preflight(Device::Parse("net_tap0").value(), system).ok()) {
    GTEST_SKIP() << MessageOf(Preflight(Device::Parse("net_tap0").value(), system));
  }
  constexpr uint16_t kType = 0x88b5;  // for experiments (IEEE 802 §9.2.4)
  const std::string interface = Cat("wefttap", getpid() % 100'000);
  RingNic ring("ring");
  NicBench bench;
  bench.AddPort(0, Cat("net_tap0,iface=", interface));
  bench.AddPort(1, ring.name());
  PacketSocket kernel(interface);
  const auto is_ours = [&](const Bytes& frame) {
    return frame[12] == kType >> 8 && frame[13] == (kType & 0xff);
  };
  for (const size_t size : {60, 61, 1514}) {
    const Bytes frame = FrameTo("02:00:00:00:00:02")
                            .Type(kType)
                            .Size(size)
                            .Seed(static_cast<uint32_t>(size))
                            .Build();
    kernel.Send(frame);
    std::vector<Bytes> sent;
    EXPECT_TRUE(bench.RunLoopUntil([&] {
      bench.Run();
      for (Bytes& other : ring.TakeSent()) {  // the kernel has things of its own to say
        if (is_ours(other)) sent.push_back(std::move(other));
      }
      return !sent.empty();
    }));
    EXPECT_THAT(sent, ::testing::ElementsAre(frame));
    ring.Receive(bench.MakeMbuf(frame));
    bench.Run();
    EXPECT_EQ(kernel.Receive(kType), frame);
  }
}

}  // namespace
}  // namespace weft::nic
