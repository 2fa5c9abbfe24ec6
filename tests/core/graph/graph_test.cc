// SPDX-License-Identifier: Apache-2.0
// The loop, the moves and the splits: what goes in comes out once, in order, or is a drop with a
// name.
#include "core/graph/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/graph_harness.h"

namespace weft {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using testing::FrameTo;
using testing::GraphHarness;
using ::testing::IsEmpty;
using testing::MacNumber;
using ::testing::SizeIs;

constexpr PortId kA(0);
constexpr PortId kB(1);

Bytes Numbered(uint32_t number, size_t size = 60) {
  return FrameTo(MacNumber(2)).From(MacNumber(1)).Size(size).Seed(number).Build();
}

// Looks at the first payload byte to decide: 0 drops for one reason, 1 for another, 2 and up go on
// by two Nexts.
class Sorter final : public Node<Sorter> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "sorter", .arc = "port-input", .last = true, .help = "Sorts."};
  enum class Next : uint8_t { kOut, kAlsoOut };
  static constexpr auto kNexts =
      Labels<Next>({{Next::kOut, "port-output", "even"}, {Next::kAlsoOut, "port-output", "odd"}});
  enum class Drop : uint8_t { kZero, kOne };
  static constexpr auto kDrops =
      Labels<Drop>({{Drop::kZero, "zero", "byte is 0"}, {Drop::kOne, "one", "byte is 1"}});
  enum class Counter : uint8_t { kSeen };
  static constexpr auto kCounters =
      Labels<Counter>({{Counter::kSeen, "seen", "packets looked at"}});
  struct TraceRecord {
    uint8_t byte;
    MacAddress source;
  };
  static constexpr auto kTrace =
      TraceFields({TraceFieldOf<&TraceRecord::byte>("byte", "the first byte of payload"),
                   TraceFieldOf<&TraceRecord::source>("source", "the source MAC")});
  TraceRecord MakeTrace(const Packet& packet) const {
    return {packet.header()[14], packet.ethernet().source};
  }

  void Process(Frame& frame) {
    Count(Counter::kSeen, frame.size());
    ForEach(frame, [](Packet& packet) -> Verdict {
      packet.set_out_port(kB);
      const uint8_t byte = packet.header()[14];
      if (byte == 0) return Drop::kZero;
      if (byte == 1) return Drop::kOne;
      return byte % 2 == 0 ? Next::kOut : Next::kAlsoOut;
    });
  }
};

Bytes WithByte(uint8_t byte, uint32_t seed = 0) {
  Bytes frame = Numbered(seed);
  frame[14] = byte;
  return frame;
}

TEST(Graph, MovesWholeFramesInOrder) {
  GraphHarness harness;
  harness.AddStandIns();
  harness.Wire({{.port = kA}, {.port = kB}});
  std::vector<Bytes> expected;
  for (uint32_t i = 0; i < 256; ++i) {
    expected.push_back(Numbered(i, 60 + i));
    harness.Inject(kA, expected.back());
  }
  EXPECT_EQ(harness.Run(), 256U);
  EXPECT_EQ(harness.Sent(kB), expected);
  EXPECT_EQ(harness.Node("pair-switch").calls.value(), 1U);
  EXPECT_EQ(harness.Node("memory-output").packets.value(), 256U);
  EXPECT_EQ(harness.Node("port-input").calls.value(), 0U) << "a port without features pays nothing";
  EXPECT_EQ(harness.DroppedTotal(), 0U);
}

TEST(Graph, TakesAnyNumberOfPackets) {
  for (const size_t count : {0U, 1U, 2U, 255U, 256U, 257U, 1000U}) {
    GraphHarness harness;
    harness.AddStandIns();
    harness.Wire({{.port = kA}, {.port = kB}});
    for (uint32_t i = 0; i < count; ++i) harness.Inject(kA, Numbered(i));
    EXPECT_EQ(harness.Run(), count);
    EXPECT_THAT(harness.Sent(kB), SizeIs(count));
    EXPECT_EQ(harness.pool().taken(), 0U);
  }
}

TEST(Graph, MixedVerdictsKeepOrderAndConserve) {
  GraphHarness harness;
  harness.Add<Sorter>();
  harness.AddStandIns();
  harness.Wire({{.port = kA}, {.port = kB}});
  std::vector<Bytes> expected;
  uint64_t zeros = 0;
  uint64_t ones = 0;
  uint32_t random = 1;
  for (uint32_t i = 0; i < 2000; ++i) {
    random = random * 1664525 + 1013904223;
    const auto byte = static_cast<uint8_t>(random >> 30);
    harness.Inject(kA, WithByte(byte, i));
    if (byte == 0) ++zeros;
    if (byte == 1) ++ones;
    if (byte > 1) expected.push_back(WithByte(byte, i));
  }
  EXPECT_EQ(harness.Run(), 2000U);
  EXPECT_EQ(harness.Sent(kB), expected) << "two Nexts to one node keep the order between them too";
  EXPECT_EQ(harness.Dropped(kA, "sorter", "zero"), zeros);
  EXPECT_EQ(harness.Dropped(kA, "sorter", "one"), ones);
  EXPECT_EQ(harness.SentTotal() + harness.DroppedTotal(), 2000U);
  EXPECT_EQ(harness.Counted("sorter", "seen"), 2000U);
}

TEST(Graph, DropsAtTheOutputBlameTheReceiver) {
  GraphHarness harness;
  harness.AddStandIns();
  harness.Wire({{.port = kA}, {.port = kB}});
  harness.memory().full[kB] = true;
  harness.Inject(kA, Numbered(1));
  harness.Inject(kB, Numbered(2));
  harness.Run();
  EXPECT_THAT(harness.Sent(kA), ElementsAre(Numbered(2)));
  EXPECT_EQ(harness.Dropped(kB, "memory-output", "ring-full"), 1U);
  EXPECT_EQ(harness.DroppedTotal(), 1U);
}

TEST(Graph, PayloadIsBorrowedUntilTheEndOfTheDispatch) {
  GraphHarness harness;
  harness.AddStandIns();
  harness.Wire({{.port = kA}, {.port = kB}});
  harness.Inject(kA, Numbered(7, 9216));
  harness.Inject(kA, Numbered(8, 1500), 14);
  harness.Run();
  EXPECT_THAT(harness.Sent(kB), ElementsAre(Numbered(7, 9216), Numbered(8, 1500)));
}

// Clones every packet to three ports, in chunks.
class Tripler final : public Node<Tripler> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "tripler", .arc = "port-input", .last = true, .help = "Triples."};
  enum class Next : uint8_t { kOut };
  static constexpr auto kNexts = Labels<Next>({{Next::kOut, "port-output", "every copy"}});
  enum class Drop : uint8_t { kNoMemory };
  static constexpr auto kDrops =
      Labels<Drop>({{Drop::kNoMemory, "no-memory", "no packet to clone into"}});

  void Process(Frame& frame) {
    const size_t mark = CloneMark();
    size_t clones = 0;
    for (Packet* packet : frame) {
      for (uint16_t port = 1; port <= 3; ++port) {
        Packet* clone = Clone(*packet);
        if (clone == nullptr) {
          CountDrop(PortId(port), Drop::kNoMemory);
          continue;
        }
        clone->set_out_port(PortId(port));
        Emit(*clone, Next::kOut);
        if (++clones % 256 == 0) RunDownstream(mark);
      }
    }
    RunDownstream(mark);
  }
};

TEST(Graph, ClonesRunInChunksAndKeepOrder) {
  GraphHarness harness(256 + 256);  // a vector and one chunk
  harness.Add<Tripler>();
  harness.AddStandIns();
  harness.Wire({{.port = kA}, {.port = PortId(1)}, {.port = PortId(2)}, {.port = PortId(3)}});
  std::vector<Bytes> expected;
  for (uint32_t i = 0; i < 600; ++i) {
    expected.push_back(Numbered(i, 200));
    harness.Inject(kA, expected.back());
  }
  harness.Run();
  for (uint16_t port = 1; port <= 3; ++port) EXPECT_EQ(harness.Sent(PortId(port)), expected);
  EXPECT_EQ(harness.DroppedTotal(), 0U);
  EXPECT_EQ(harness.pool().taken(), 0U);
}

// Sends as many clones of a packet to port B as its byte says, then drops it if its seed is odd,
// and sends it after them if it is even.
class Multiplier final : public Node<Multiplier> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "multiplier", .arc = "port-input", .last = true, .help = "Multiplies."};
  enum class Next : uint8_t { kOut };
  static constexpr auto kNexts = Labels<Next>({{Next::kOut, "port-output", "every copy"}});
  enum class Drop : uint8_t { kOdd };
  static constexpr auto kDrops = Labels<Drop>({{Drop::kOdd, "odd", "the second byte is odd"}});

  void Process(Frame& frame) {
    ForEach(frame, [this](Packet& packet) -> Verdict {
      packet.set_out_port(kB);
      for (int i = 0; i < packet.header()[14]; ++i) {
        Packet* clone = Clone(packet);
        clone->set_out_port(kB);
        Emit(*clone, Next::kOut);
      }
      if (packet.header()[15] % 2 != 0) return Drop::kOdd;
      return Next::kOut;
    });
  }
};

Bytes ToMultiply(uint8_t clones, bool drop) {
  Bytes frame = WithByte(clones);
  frame[15] = drop ? 1 : 0;
  return frame;
}

TEST(Graph, SplitsBehindAFrameThatIsHalfFull) {
  // What waits at the output has no room for what the split may send there.
  GraphHarness harness;
  harness.Add<Multiplier>();
  harness.AddStandIns();
  harness.Wire({{.port = kA}, {.port = kB}});
  for (int i = 0; i < 200; ++i) harness.Inject(kA, ToMultiply(i < 130 ? 1 : 0, i % 2 != 0));
  EXPECT_EQ(harness.Run(), 200U);
  EXPECT_EQ(harness.Dropped(kA, "multiplier", "odd"), 100U);
  EXPECT_THAT(harness.Sent(kB), SizeIs(130 + 100));
}

TEST(Graph, EmitsMoreThanAFrameHolds) {
  GraphHarness harness;
  harness.Add<Multiplier>();
  harness.AddStandIns();
  harness.Wire({{.port = kA}, {.port = kB}});
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 3; ++i) harness.Inject(kA, ToMultiply(200, false));
    harness.Run();
  }
  EXPECT_THAT(harness.Sent(kB), SizeIs(3 * 3 * (200 + 1)));
  EXPECT_EQ(harness.Node("memory-output").packets.value(), 3U * 3 * (200 + 1));
}

// Sends the frame on, then one more packet of its own, as a node that answers does.
class Answerer final : public Node<Answerer> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "answerer", .arc = "port-input", .last = true, .help = "Answers."};
  enum class Next : uint8_t { kOut };
  static constexpr auto kNexts = Labels<Next>({{Next::kOut, "port-output", "every packet"}});

  void Process(Frame& frame) {
    Packet* answer = Clone(frame[0]);
    answer->set_out_port(frame[0].in_port());
    ForEach(frame, [](Packet& packet) -> Verdict {
      packet.set_out_port(kB);
      return Next::kOut;
    });
    Emit(*answer, Next::kOut);
  }
};

TEST(Graph, EmitsAfterTheFrameHasMovedOn) {
  GraphHarness harness;
  harness.Add<Answerer>();
  harness.AddStandIns();
  harness.Wire({{.port = kA}, {.port = kB}});
  harness.Inject(kA, Numbered(1));
  harness.Inject(kA, Numbered(2));
  harness.Run();
  EXPECT_THAT(harness.Sent(kB), ElementsAre(Numbered(1), Numbered(2)));
  EXPECT_THAT(harness.Sent(kA), ElementsAre(Numbered(1)));
}

// Takes a packet at each poll and finds that it is not worth one.
class Refuser final : public Input<Refuser> {
 public:
  static constexpr NodeSpec kSpec{.name = "refuser", .help = "Refuses."};
  explicit Refuser(bool& has_packet) : has_packet_(has_packet) {}
  void Poll(Frame&) { has_packet_ = graph_->pool().Take() != nullptr; }

 private:
  bool& has_packet_;
};

TEST(Graph, APollWithoutPacketsLeavesThePoolAsItWas) {
  GraphHarness harness(4);
  bool has_packet = false;
  harness.Add<Refuser>(std::ref(has_packet));
  harness.AddStandIns();
  harness.Wire({{.port = kA}, {.port = kB}});
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(harness.graph().PollInputs(), 0U);
    EXPECT_TRUE(has_packet);
    EXPECT_EQ(harness.pool().taken(), 0U);
  }
}

TEST(Graph, LosesStepsButNoPacketsWhenNobodyReadsTheTraces) {
  GraphHarness harness;
  harness.AddStandIns();
  harness.Wire({{.port = kA}, {.port = kB}});
  harness.Trace("memory-input", 1000);
  std::vector<Bytes> expected;
  for (uint32_t i = 0; i < 1000; ++i) {
    expected.push_back(Numbered(i));
    harness.Inject(kA, expected.back());
  }
  harness.Run();
  EXPECT_TRUE(harness.Sent(kB) == expected);
  // memory-input, pair-switch and memory-output each wrote a thousand.
  EXPECT_EQ(harness.graph().trace_ring().lost.value(), 3000U - TraceRing::kSize);
  size_t steps = 0;
  TraceStep step;
  while (harness.graph().trace_ring().Pop(step)) ++steps;
  EXPECT_EQ(steps, TraceRing::kSize);
}

TEST(Graph, TracesTheNextPacketsThatReachANode) {
  GraphHarness harness;
  harness.Add<Sorter>();
  harness.AddStandIns();
  harness.Wire({{.port = kA}, {.port = kB}});
  harness.Trace("memory-input", 2);
  harness.Inject(kA, WithByte(1));
  harness.Inject(kA, WithByte(4));
  harness.Inject(kA, WithByte(5));
  harness.Run();
  std::vector<std::string> seen;
  TraceStep step;
  while (harness.graph().trace_ring().Pop(step)) {
    const NodeClass& node = harness.catalog().node(step.node);
    std::string line = std::to_string(step.trace) + " " + std::string(node.spec.name);
    for (const TraceField& field : node.trace) {
      line += " " + std::string(field.name) + "=" + field.format(step.record.data());
    }
    seen.push_back(line);
  }
  EXPECT_THAT(seen, ElementsAre("1 memory-input", "2 memory-input",
                                "1 sorter byte=1 source=02:00:00:00:00:01",
                                "2 sorter byte=4 source=02:00:00:00:00:01", "2 memory-output"));
  harness.Inject(kA, WithByte(1));
  harness.Run();
  EXPECT_FALSE(harness.graph().trace_ring().Pop(step)) << "there were two already";
}

TEST(Graph, RunsOnEmptyTables) {
  GraphHarness harness;
  harness.AddStandIns();
  harness.Wire({});
  EXPECT_EQ(harness.Run(), 0U);
  EXPECT_THAT(harness.Sent(kB), IsEmpty());
}

}  // namespace
}  // namespace weft
