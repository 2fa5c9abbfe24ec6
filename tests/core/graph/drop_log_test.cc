// SPDX-License-Identifier: Apache-2.0
#include "core/graph/drop_log.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace weft {
namespace {

TEST(DropLog, KeepsTheLastOfEachPort) {
  DropLog log;
  for (uint64_t i = 0; i < DropLog::kEach + 5; ++i) log.Add(PortId(7), {.cycles = i});
  log.Add(PortId(8), {.cycles = 100});
  log.Add(PortId(), {.cycles = 200});
  const std::vector<DroppedPacket> packets = log.Read(PortId(7), 0);
  ASSERT_EQ(packets.size(), DropLog::kEach);
  EXPECT_EQ(packets.front().cycles, 5U);
  EXPECT_EQ(packets.back().cycles, DropLog::kEach + 4);
  ASSERT_EQ(log.Read(PortId(8), 0).size(), 1U);
  ASSERT_EQ(log.Read(PortId(), 0).size(), 1U);
  EXPECT_EQ(log.Read(PortId(), 0)[0].cycles, 200U);
  EXPECT_EQ(log.count(PortId(7)), DropLog::kEach + 5);
}

TEST(DropLog, LeavesOutWhatWasBefore) {
  DropLog log;
  for (uint64_t i = 0; i < 10; ++i) log.Add(PortId(7), {.cycles = i});
  const std::vector<DroppedPacket> packets = log.Read(PortId(7), 8);
  ASSERT_EQ(packets.size(), 2U);
  EXPECT_EQ(packets[0].cycles, 8U);
  EXPECT_TRUE(log.Read(PortId(7), 10).empty());
}

// What is read while it is written over is whole, and in order, or left out.
TEST(DropLog, IsReadWhileItIsWritten) {
  DropLog log;
  std::atomic<bool> stop{false};
  std::thread worker([&] {
    for (uint32_t i = 1; !stop; ++i) {
      DroppedPacket packet{.cycles = i, .length = i, .drop = static_cast<uint16_t>(i)};
      packet.header.fill(static_cast<uint8_t>(i));
      log.Add(PortId(1), packet);
    }
  });
  size_t seen = 0;
  for (int round = 0; round < 2000 || seen == 0; ++round) {
    uint64_t last = 0;
    for (const DroppedPacket& packet : log.Read(PortId(1), 0)) {
      ++seen;
      ASSERT_GT(packet.cycles, last);
      last = packet.cycles;
      ASSERT_EQ(packet.length, static_cast<uint32_t>(last));
      ASSERT_EQ(packet.drop, static_cast<uint16_t>(last));
      for (const uint8_t octet : packet.header) ASSERT_EQ(octet, static_cast<uint8_t>(last));
    }
  }
  stop = true;
  worker.join();
}

}  // namespace
}  // namespace weft
