// SPDX-License-Identifier: Apache-2.0
// Flooding: each other port of the bridge that is up gets one copy, in order, and nothing is lost
// that is not counted.
#include "nodes/l2/flood.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/nodes/l2/l2_fixture.h"

namespace weft::l2 {
namespace {

using weft::testing::Bytes;
using weft::testing::FrameTo;
using weft::testing::Mac;

constexpr char kA[] = "02:00:00:00:00:0a";
constexpr char kB[] = "02:00:00:00:00:0b";
constexpr char kAll[] = "ff:ff:ff:ff:ff:ff";

std::vector<Bytes> Broadcasts(uint32_t count, size_t size) {
  std::vector<Bytes> frames;
  for (uint32_t i = 1; i <= count; ++i) {
    frames.push_back(FrameTo(kAll).From(kA).Seed(i).Size(size).Build());
  }
  return frames;
}

struct Case {
  const char* description;
  uint32_t frames;
  size_t size;       // of a frame, bytes: more than 116 have borrowed payload
  size_t pool_size;  // packets
};

class FloodTest : public ::testing::TestWithParam<Case> {};

TEST_P(FloodTest, EveryOtherPortGetsEveryFrameOnceAndInOrder) {
  const Case& c = GetParam();
  SwitchFixture s({}, c.pool_size);
  s.AddBridge("blue", 0, 7);
  for (uint32_t i = 0; i < c.frames; ++i) s.Inject(0, Mac(kAll), Mac(kA), c.size);
  s.harness.Run();
  const std::vector<Bytes> expected = Broadcasts(c.frames, c.size);
  EXPECT_TRUE(s.harness.Sent(PortId(0)).empty());
  for (uint16_t i = 1; i < 8; ++i) EXPECT_EQ(s.harness.Sent(PortId(i)), expected) << "port " << i;
  EXPECT_EQ(s.harness.Counted("flood", "clones"), 6 * c.frames);
  EXPECT_EQ(s.harness.DroppedTotal(), 0u);
  EXPECT_EQ(s.Missing(), 0);
}

INSTANTIATE_TEST_SUITE_P(
    Sizes, FloodTest,
    ::testing::Values(Case{"one frame", 1, 60, 1024}, Case{"payload is shared", 3, 1500, 1024},
                      Case{"clones of one chunk exactly", 256 / 2, 60, 1024},
                      Case{"a full vector, six chunks", 256, 200, 1024},
                      Case{"several vectors", 1000, 60, 1024},
                      Case{"a pool with less than a chunk to spare", 256, 200, 300},
                      Case{"a pool with one packet to spare", 256, 60, 257}));

TEST(FloodMembersTest, NobodyElseIsADrop) {
  SwitchFixture s;
  s.AddBridge("blue", 0, 1);
  s.state->PortDown(PortId(1));
  s.Inject(0, Mac(kAll), Mac(kA));
  s.harness.Run();
  EXPECT_EQ(s.harness.Dropped(PortId(0), "flood", "no-members"), 1u);
  EXPECT_EQ(s.harness.SentTotal(), 0u);
  EXPECT_EQ(s.Missing(), 0);
}

TEST(FloodMembersTest, TwoPortsNeedNoClone) {
  SwitchFixture s;
  s.AddBridge("blue", 2, 3);
  s.Inject(3, Mac(kAll), Mac(kA));
  s.harness.Run();
  EXPECT_EQ(s.harness.Sent(PortId(2)), Broadcasts(1, 60));
  EXPECT_EQ(s.harness.Counted("flood", "clones"), 0u);
}

// What needs no copy is ahead in the frame that the clones fill up.
TEST(FloodMembersTest, ClonesThatFillAFrameWhichOthersBegan) {
  for (const uint32_t straight : {1U, 2U, 100U, 213U}) {
    SCOPED_TRACE(straight);
    SwitchFixture s;
    s.AddBridge("blue", 0, 7);
    s.Inject(1, Mac(kAll), Mac(kB));
    s.harness.Run();
    for (uint32_t i = 0; i < straight; ++i) s.Inject(0, Mac(kB), Mac(kA));
    for (uint32_t i = 0; i < 43; ++i) s.Inject(0, Mac(kAll), Mac(kA));
    s.harness.Run();
    EXPECT_EQ(s.harness.Sent(PortId(1)).size(), straight + 43);
    for (uint16_t i = 2; i < 8; ++i) {
      EXPECT_EQ(s.harness.Sent(PortId(i)).size(), 1 + 43u) << "port " << i;
    }
    EXPECT_EQ(s.harness.DroppedTotal(), 0u);
    EXPECT_EQ(s.Missing(), 0);
  }
}

TEST(FloodMembersTest, APoolWithoutAPacketLosesTheCloneAlone) {
  SwitchFixture s({}, 4);
  s.AddBridge("blue", 0, 2);
  for (int i = 0; i < 4; ++i) s.Inject(0, Mac(kAll), Mac(kA));  // the vector takes the whole pool
  s.harness.Run();
  EXPECT_EQ(s.harness.Dropped(PortId(0), "flood", "no-packets"), 4u);
  EXPECT_TRUE(s.harness.Sent(PortId(1)).empty());
  EXPECT_EQ(s.harness.Sent(PortId(2)), Broadcasts(4, 60));
  EXPECT_EQ(s.Missing(), 0);
}

TEST(FloodMembersTest, AFullReceiverLosesItsOwnCopiesAlone) {
  SwitchFixture s;
  s.AddBridge("blue", 0, 3);
  s.harness.memory().full[PortId(2)] = true;
  for (int i = 0; i < 300; ++i) s.Inject(0, Mac(kAll), Mac(kA));
  s.harness.Run();
  EXPECT_EQ(s.harness.Sent(PortId(1)), Broadcasts(300, 60));
  EXPECT_EQ(s.harness.Sent(PortId(3)), Broadcasts(300, 60));
  EXPECT_EQ(s.harness.Dropped(PortId(2), "memory-output", "ring-full"), 300u);
  EXPECT_EQ(s.Missing(), 0);
}

TEST(FloodMembersTest, BridgesDoNotHearEachOther) {
  SwitchFixture s;
  s.AddBridge("blue", 0, 3);
  s.AddBridge("red", 4, 7);
  for (uint16_t port = 0; port < 8; ++port) {
    s.Inject(port, Mac(kAll), weft::testing::MacNumber(port + 1U));
  }
  s.harness.Run();
  for (uint16_t port = 0; port < 8; ++port) {
    for (const Bytes& frame : s.harness.Sent(PortId(port))) {
      const uint16_t from = static_cast<uint16_t>(frame[11] - 1);
      EXPECT_EQ(from / 4, port / 4);
      EXPECT_NE(from, port);
    }
    EXPECT_EQ(s.harness.Sent(PortId(port)).size(), 3u);
  }
  EXPECT_EQ(s.Missing(), 0);
}

TEST(FloodMembersTest, TracesEachCopyToItsPort) {
  SwitchFixture s;
  s.AddBridge("blue", 0, 3);
  s.harness.Trace("memory-input", 1);
  s.Inject(0, Mac(kAll), Mac(kA));
  s.harness.Run();
  const NodeClass& flood = *s.harness.catalog().Find("flood");
  std::vector<std::string> flood_records;
  std::vector<PortId> left_by;
  TraceStep step;
  while (s.harness.graph().trace_ring().Pop(step)) {
    if (step.node == flood.id) {
      for (const TraceField& field : flood.trace) {
        flood_records.push_back(std::string(field.name) + " " + field.format(step.record.data()));
      }
    }
    if (step.verdict == kConsumed) left_by.push_back(step.out_port);
  }
  EXPECT_THAT(flood_records, ::testing::ElementsAre("bridge 0", "copies 3"));
  EXPECT_THAT(left_by, ::testing::UnorderedElementsAre(PortId(1), PortId(2), PortId(3)));
}

}  // namespace
}  // namespace weft::l2
