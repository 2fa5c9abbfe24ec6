// SPDX-License-Identifier: Apache-2.0
// The packed rings of the load generator against a device that was written for the purpose.
#include "bench/load/packed_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <ostream>
#include <random>
#include <utility>
#include <variant>
#include <vector>

#include "tests/bench/load/packed_device.h"

namespace weft::load {
namespace {

using testing::DeviceRing;
using testing::Way;

struct Case {
  const char* name;
  RingKind kind;
  uint16_t ring;
  uint32_t burst;
  Mix mix;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

// A container that talks to another one like it.
AttachedPort MakePort(const Case& c, uint32_t number, Work work) {
  absl::StatusOr<AttachedPort> port = MakePackedPort({.socket = {},
                                                      .kind = c.kind,
                                                      .ring = c.ring,
                                                      .burst = c.burst,
                                                      .work = work,
                                                      .number = number,
                                                      .peer = number ^ 1,
                                                      .mix = c.mix});
  EXPECT_TRUE(port.ok()) << port.status();
  return *std::move(port);
}
PackedRing& Transmit(AttachedPort& port) {
  return std::get<RingPair<PackedRing>>(*port.rings).transmit;
}
PackedRing& Receive(AttachedPort& port) {
  return std::get<RingPair<PackedRing>>(*port.rings).receive;
}

const Case kSmall = {"Small", RingKind::kPacked, 8, 256, {}};

class PackedPortTest : public ::testing::TestWithParam<Case> {};

// Whatever is sent arrives once, whole and in order, however long the device keeps buffers.
TEST_P(PackedPortTest, EveryFrameArrivesOnce) {
  const Case& c = GetParam();
  const bool in_order = c.kind == RingKind::kPackedInOrder;
  AttachedPort one = MakePort(c, 0, Work::kVerify);
  AttachedPort two = MakePort(c, 1, Work::kVerify);
  Way there(Transmit(one).place(), Receive(two).place(), in_order);
  Way back(Transmit(two).place(), Receive(one).place(), in_order);
  std::mt19937 random(c.ring + c.burst);
  uint64_t sent[2] = {0, 0};
  uint64_t got[2] = {0, 0};
  const auto receive = [&] {
    const uint32_t now[2] = {one.port->Receive(), two.port->Receive()};
    got[0] += now[0];
    got[1] += now[1];
    return now[0] + now[1];
  };
  for (int round = 0; round < 1000; ++round) {
    sent[0] += one.port->Send(static_cast<uint32_t>(random() % c.burst + 1));
    sent[1] += two.port->Send(static_cast<uint32_t>(random() % c.burst + 1));
    there.Move(static_cast<uint32_t>(random() % (c.ring + 1)), random);
    back.Move(static_cast<uint32_t>(random() % (c.ring + 1)), random);
    if (random() % 3 != 0) receive();
  }
  uint32_t moved = 0;
  do {
    moved = there.Move(c.ring, random) + back.Move(c.ring, random);
  } while (receive() + moved != 0);
  there.ReturnAll(random);
  back.ReturnAll(random);

  EXPECT_EQ(got[1], sent[0]);
  EXPECT_EQ(got[0], sent[1]);
  for (const AttachedPort* port : {&one, &two}) {
    const Tally tally = port->port->Received();
    EXPECT_EQ(tally.frames, got[port == &one ? 0 : 1]);
    EXPECT_EQ(tally.corrupt + tally.foreign + tally.duplicate + tally.reordered + tally.missing, 0);
  }
  for (const Way* way : {&there, &back}) {
    EXPECT_EQ(way->from().held(), 0) << "all transmit buffers are back";
    EXPECT_EQ(way->to().held(), c.ring) << "all receive buffers are on offer";
    EXPECT_GT(way->from().laps(), 10);
    EXPECT_GT(way->to().laps(), 10);
    EXPECT_EQ(way->from().strangers() == 0, in_order);
    EXPECT_EQ(way->to().strangers() == 0, in_order);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, PackedPortTest,
    ::testing::Values(
        Case{"SmallRing", RingKind::kPacked, 8, 5, {}},
        Case{"WholeBursts", RingKind::kPacked, 512, 256, Imix(7)},
        Case{"SmallRingInOrder", RingKind::kPackedInOrder, 8, 5, {}},
        Case{"WholeBurstsInOrder", RingKind::kPackedInOrder, 512, 256, Imix(7)},
        Case{"LargeFrames", RingKind::kPacked, 16, 16, {.sizes = {9216, 64}, .flows = 2}}),
    [](const auto& test) { return test.param.name; });

// A device that takes nothing gets a ring full, and no more.
TEST(PackedPortTest, SendsNoMoreThanTheRingHolds) {
  AttachedPort port = MakePort(kSmall, 0, Work::kNone);
  EXPECT_EQ(port.port->Send(3), 3);
  EXPECT_EQ(port.port->Send(256), 5);
  EXPECT_EQ(port.port->Send(1), 0);
  DeviceRing device(Transmit(port).place(), false);
  std::vector<uint16_t> ids;
  while (const auto buffer = device.Take()) ids.push_back(buffer->id);
  EXPECT_THAT(ids, ::testing::ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  device.Return(6, 0);
  device.Return(2, 0);
  EXPECT_EQ(port.port->Send(256), 2);
  EXPECT_EQ(device.Take()->id, 6);
  EXPECT_EQ(device.Take()->id, 2);
}

// Frames that lie ready keep their length, wherever in the ring their buffers are offered.
TEST(PackedPortTest, ABufferKeepsItsLength) {
  AttachedPort port =
      MakePort({"mix", RingKind::kPacked, 4, 4, {.sizes = {64, 65, 66, 67}}}, 0, Work::kNone);
  DeviceRing device(Transmit(port).place(), false);
  ASSERT_EQ(port.port->Send(4), 4);
  while (device.Take()) {
  }
  for (const uint16_t id : std::to_array<uint16_t>({3, 1, 0, 2})) device.Return(id, 0);
  ASSERT_EQ(port.port->Send(4), 4);
  while (const auto buffer = device.Take())
    EXPECT_EQ(buffer->length, kNetHeader + 64u + buffer->id);
}

TEST(PackedPortTest, AsksForNoInterruptAndKicksWhoAsks) {
  AttachedPort port = MakePort(kSmall, 0, Work::kNone);
  PackedRing& ring = Transmit(port);
  DeviceRing device(ring.place(), false);
  EXPECT_EQ(device.driver_event(), 1);
  EXPECT_TRUE(ring.WantsKick());
  device.WriteEvent(1);
  EXPECT_FALSE(ring.WantsKick());
}

TEST(PackedPortTest, BothSidesBeginAtTheFirstDescriptorOfTheirFirstLap) {
  AttachedPort port = MakePort(kSmall, 0, Work::kNone);
  EXPECT_EQ(Transmit(port).place().base, 0x8000'8000);
  EXPECT_EQ(Receive(port).place().base, 0x8000'8000);
}

using PackedPortDeathTest = ::testing::Test;

TEST(PackedPortDeathTest, ABufferThatTheDeviceDoesNotHave) {
  for (const RingKind kind : {RingKind::kPacked, RingKind::kPackedInOrder}) {
    AttachedPort port = MakePort({"bad", kind, 8, 8, {}}, 0, Work::kNone);
    DeviceRing device(Transmit(port).place(), false);
    ASSERT_EQ(port.port->Send(2), 2);
    device.Return(kind == RingKind::kPacked ? 8 : 2, 0);
    EXPECT_DEATH(port.port->Send(8), "returns buffer ., which it does not have");
  }
}

TEST(PackedPortDeathTest, ABufferThatComesBackTwice) {
  AttachedPort port = MakePort(kSmall, 0, Work::kVerify);
  DeviceRing device(Transmit(port).place(), false);
  ASSERT_EQ(port.port->Send(3), 3);
  device.Return(1, 0);
  device.Return(1, 0);
  EXPECT_DEATH(port.port->Send(8), "returns buffer 1, which it does not have");
}

}  // namespace
}  // namespace weft::load
