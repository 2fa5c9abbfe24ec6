// SPDX-License-Identifier: Apache-2.0
// A NIC with several queues: each is polled by its worker, and each worker sends through the queue
// that is its own, or that it shares.
#include <gtest/gtest.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "core/base/text.h"
#include "nodes/nic/preflight.h"
#include "tests/nodes/nic/eal/nic_bench.h"

namespace weft::nic {
namespace {

uint64_t FactOf(const NicPort& port, std::string_view name) {
  for (const PortFact& fact : port.Facts()) {
    if (fact.name == name) return std::get<uint64_t>(fact.value);
  }
  ADD_FAILURE() << "no fact " << name;
  return 0;
}

// What DPDK counted on each queue.
rte_eth_stats StatsOf(NicBench& bench, uint16_t port) {
  rte_eth_stats stats{};
  const PortDevice* const nic = bench.state().table().Load()->Find(PortId(port));
  EXPECT_EQ(rte_eth_stats_get(nic->device->number(), &stats), 0);
  return stats;
}

TEST(QueuesTest, EachQueueIsItsWorkers) {
  NicBench bench(2);
  const NicPort& port = bench.AddPort(0, "net_null30,size=64", 1500, 2);
  bench.AddPort(1, "net_null31,size=128", 1500, 2);
  EXPECT_EQ(FactOf(port, "queues"), 2U);
  EXPECT_EQ(FactOf(port, "tx-queues"), 2U);
  for (int i = 0; i < 10; ++i) bench.Poll(0);
  for (int i = 0; i < 30; ++i) bench.Poll(1);
  const rte_eth_stats stats = StatsOf(bench, 0);
  for (uint16_t worker = 0; worker < 2; ++worker) {
    EXPECT_EQ(bench.counters(0, worker).rx_packets.value(), stats.q_ipackets[worker]);
    EXPECT_EQ(bench.counters(0, worker).tx_packets.value(), stats.q_opackets[worker]);
    EXPECT_EQ(bench.counters(0, worker).tx_packets.value(),
              bench.counters(1, worker).rx_packets.value());
  }
  EXPECT_EQ(stats.q_ipackets[0] * 3, stats.q_ipackets[1]);
}

TEST(QueuesTest, OneWorkerMayHaveSeveral) {
  NicBench bench;
  bench.AddPort(0, "net_null30,size=64", 1500, 3);
  bench.AddPort(1, "net_null31,size=64");
  for (int i = 0; i < 400; ++i) bench.Poll();
  const rte_eth_stats stats = StatsOf(bench, 0);
  EXPECT_GT(stats.q_ipackets[0], 0U);
  EXPECT_EQ(stats.q_ipackets[0], stats.q_ipackets[1]) << "they take turns";
  EXPECT_EQ(stats.q_ipackets[0], stats.q_ipackets[2]);
  EXPECT_EQ(bench.counters(0).rx_packets.value(), stats.ipackets);
}

TEST(QueuesTest, WhatTheDeviceOffers) {
  RingNic ring("narrow");
  NicBench bench(2);
  const auto port = bench.MakePort(0, ring.name(), 1500, 4);
  EXPECT_EQ(MessageOf(port->Open()), Cat("queues = 4, but ", ring.name(), " offers 1"));
  bench.AddPort(0, ring.name());
}

// Two workers send into a ring that takes one sender at a time: a lock keeps them apart.
TEST(QueuesTest, WorkersThatShareATransmitQueue) {
  constexpr unsigned kRoom = 65'536;
  RingNic ring("shared", kRoom, RING_F_SP_ENQ | RING_F_SC_DEQ);
  NicBench bench(2);
  bench.AddPort(0, "net_null30,size=64", 1500, 2);
  const NicPort& shared = bench.AddPort(1, ring.name());
  EXPECT_EQ(FactOf(shared, "tx-queues"), 1U);
  std::atomic<int> running = 2;
  const auto run = [&](uint16_t worker) {
    EXPECT_EQ(rte_thread_register(), 0);
    for (int i = 0; i < 1'000; ++i) bench.Poll(worker);
    rte_thread_unregister();
    --running;
  };
  std::thread first(run, uint16_t{0});
  std::thread second(run, uint16_t{1});
  uint64_t taken = 0;
  while (running != 0) taken += ring.TakeSent().size();
  first.join();
  second.join();
  taken += ring.TakeSent().size();
  uint64_t sent = 0;
  uint64_t received = 0;
  for (uint16_t worker = 0; worker < 2; ++worker) {
    sent += bench.counters(1, worker).tx_packets.value();
    received += bench.counters(0, worker).rx_packets.value();
  }
  EXPECT_EQ(taken, sent);
  EXPECT_EQ(received, sent + bench.Dropped(1, "nic-output", "tx-full") +
                          bench.Dropped(1, "nic-output", "no-buffer"));
}

TEST(QueuesTest, TapHasADescriptorForEachQueue) {
  const auto can = Preflight(Device::Parse("net_tap0").value(), SystemView());
  if (!can.ok()) GTEST_SKIP() << MessageOf(can);
  NicBench bench(2);
  const std::string device = Cat("net_tap30,iface=weftq", getpid() % 100'000);
  const NicPort& port = bench.AddPort(0, device, 1500, 2);
  EXPECT_EQ(FactOf(port, "queues"), 2U);
  EXPECT_EQ(FactOf(port, "tx-queues"), 2U);
}

}  // namespace
}  // namespace weft::nic
