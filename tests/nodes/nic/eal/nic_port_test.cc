// SPDX-License-Identifier: Apache-2.0
// A NIC's port comes, tells about itself, goes, and leaves nothing behind.
#include "nodes/nic/nic_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rte_ethdev.h>

#include <map>

#include "core/base/text.h"
#include "tests/nodes/nic/eal/nic_bench.h"

namespace weft::nic {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using weft::testing::FrameTo;

bool Exists(const char* name) {
  uint16_t number = 0;
  return rte_eth_dev_get_port_by_name(name, &number) == 0;
}

TEST(NicPortTest, PluggedInAndUnpluggedAgain) {
  NicBench bench;
  EXPECT_FALSE(Exists("net_null7"));
  for (int round = 1; round <= 20; ++round) {
    bench.AddPort(0, "net_null7,size=64");
    EXPECT_TRUE(Exists("net_null7"));
    EXPECT_EQ(bench.ups(0), round);
    bench.RemovePort(0);
    EXPECT_FALSE(Exists("net_null7"));
  }
  EXPECT_EQ(bench.downs(0), 0) << "who deletes a port knows that it goes";
}

TEST(NicPortTest, DeviceOfEalStaysForTheNextPort) {
  RingNic ring("stays");
  NicBench bench;
  for (int round = 0; round < 3; ++round) {
    bench.AddPort(0, ring.name());
    bench.RemovePort(0);
    EXPECT_TRUE(Exists(ring.name().c_str()));
  }
}

TEST(NicPortTest, Facts) {
  NicBench bench;
  const NicPort& port = bench.AddPort(0, "net_null7,size=64", 1400);
  std::map<std::string, std::variant<bool, uint64_t, std::string>> facts;
  for (const PortFact& fact : port.Facts()) facts[fact.name] = fact.value;
  const auto text = [&](const char* name) { return std::get<std::string>(facts.at(name)); };
  EXPECT_EQ(text("device"), "net_null7,size=64");
  EXPECT_EQ(text("driver"), "net_null");
  EXPECT_EQ(text("link"), "up");
  EXPECT_EQ(text("mac").size(), 17U);
  EXPECT_EQ(std::get<uint64_t>(facts.at("device-mtu")), 1400U);
  for (const char* name : {"rx-descriptors", "tx-descriptors"}) {
    EXPECT_TRUE(std::holds_alternative<uint64_t>(facts.at(name))) << name;
  }
}

TEST(NicPortTest, FactsHaveWhatTheDeviceCounts) {
  NicBench bench;
  const NicPort& port = bench.AddPort(0, "net_null7,size=64");
  bench.AddPort(1, "net_null8,size=64");
  const auto counted = [&] {
    std::map<std::string, uint64_t> found;
    for (const PortFact& fact : port.Facts()) {
      if (fact.name.starts_with("device-r") || fact.name.starts_with("device-t")) {
        found[fact.name] = std::get<uint64_t>(fact.value);
      }
    }
    return found;
  };
  EXPECT_THAT(counted(), ::testing::IsEmpty()) << "what is 0 says nothing";
  for (int i = 0; i < 10; ++i) bench.Poll();
  const std::map<std::string, uint64_t> found = counted();
  EXPECT_EQ(found.at("device-rx-good-packets"), bench.counters(0).rx_packets.value());
  EXPECT_EQ(found.at("device-tx-good-packets"), bench.counters(0).tx_packets.value());
  EXPECT_FALSE(found.contains("device-rx-errors"));
}

TEST(NicPortTest, SameDeviceWaitsForTheWorkers) {
  NicBench bench;
  bench.AddPort(0, "net_null7");
  bench.rcu().Register(WorkerId(0));  // in a dispatch, from now on
  bench.RemovePort(0);
  const std::unique_ptr<NicPort> next = bench.MakePort(1, "net_null7");
  ASSERT_TRUE(next->Open().ok());
  for (int i = 0; i < 3; ++i) bench.loop().RunOnce(std::chrono::milliseconds(1));
  EXPECT_EQ(next->Status().state, PortState::kDown);
  EXPECT_THAT(next->Status().reason, HasSubstr("waits"));
  EXPECT_TRUE(Exists("net_null7")) << "a worker may be polling it";
  bench.rcu().Quiescent(WorkerId(0));
  bench.rcu().Unregister(WorkerId(0));
  EXPECT_TRUE(bench.RunLoopUntil([&] { return next->Status().state == PortState::kUp; }));
  EXPECT_EQ(bench.ups(1), 1);
}

TEST(NicPortTest, UpIsToldFromTheLoop) {
  NicBench bench;
  const std::unique_ptr<NicPort> port = bench.MakePort(0, "net_null7");
  ASSERT_TRUE(port->Open().ok());
  EXPECT_EQ(bench.ups(0), 0);
  EXPECT_TRUE(bench.RunLoopUntil([&] { return bench.ups(0) == 1; }));
}

TEST(NicPortTest, WhatDpdkRefuses) {
  NicBench bench;
  const std::unique_ptr<NicPort> port = bench.MakePort(0, "net_memif0,role=neither");
  const absl::Status status = port->Open();
  EXPECT_THAT(MessageOf(status), HasSubstr("DPDK cannot make the device net_memif0,role=neither"));
  EXPECT_FALSE(Exists("net_memif0"));
  const std::unique_ptr<NicPort> pci = bench.MakePort(0, "0000:ff:1f.7");
  EXPECT_THAT(MessageOf(pci->Open()), HasSubstr("there is no PCI device 0000:ff:1f.7"));
}

TEST(NicPortTest, TooLittleMemory) {
  NicBench bench;
  std::vector<std::unique_ptr<NicPort>> ports;
  absl::Status status;
  for (uint16_t i = 0; status.ok() && i < 30; ++i) {
    ports.push_back(bench.MakePort(i, Cat("net_null", 20 + i), 9202));
    status = ports.back()->Open();
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(MessageOf(status), HasSubstr("MB together"));
  EXPECT_THAT(MessageOf(status), HasSubstr("raise memory in [dpdk]"));
  ports.clear();
  bench.rcu().Poll();
  bench.AddPort(0, "net_null20", 9202);
}

// A frame that was sent lies in a ring, in the memory of a port that is deleted.
TEST(NicPortTest, SentFramesOutliveTheirPort) {
  RingNic left("left");
  RingNic right("right");
  NicBench bench;
  bench.AddPort(0, left.name());
  bench.AddPort(1, right.name());
  const Bytes frame = FrameTo("02:00:00:00:00:02").Size(900).Build();
  left.Receive(bench.MakeMbuf(frame));
  bench.Run();
  bench.RemovePort(1);
  EXPECT_THAT(right.TakeSent(), ElementsAre(frame));
  bench.AddPort(1, right.name());
  left.Receive(bench.MakeMbuf(frame));
  bench.Run();
  EXPECT_THAT(right.TakeSent(), ElementsAre(frame));
}

}  // namespace
}  // namespace weft::nic
