// SPDX-License-Identifier: Apache-2.0
#include "core/trace/trace_book.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <thread>

namespace weft {
namespace {

TraceStep Step(uint16_t trace, uint16_t node = 0) {
  TraceStep step;
  step.trace = trace;
  step.node = NodeId(node);
  return step;
}

TEST(TraceBook, PutsTheStepsOfEachPacketTogether) {
  TraceRing ring;
  TraceBook book;
  for (const auto& [trace, node] : {std::pair{1, 0}, {2, 0}, {1, 1}, {2, 1}, {1, 2}}) {
    ring.Push(Step(static_cast<uint16_t>(trace), static_cast<uint16_t>(node)));
  }
  book.Drain(WorkerId(0), ring);
  ring.Push(Step(2, 2));
  book.Drain(WorkerId(0), ring);
  ASSERT_EQ(book.paths().size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(book.paths()[i].number, i + 1);
    ASSERT_EQ(book.paths()[i].steps.size(), 3U);
    for (uint16_t k = 0; k < 3; ++k) EXPECT_EQ(book.paths()[i].steps[k].node, NodeId(k));
  }
  book.Clear();
  EXPECT_TRUE(book.paths().empty());
}

TEST(TraceBook, NumbersAreTheWorkersOwn) {
  TraceRing rings[2];
  TraceBook book;
  for (uint16_t w = 0; w < 2; ++w) {
    rings[w].Push(Step(1));
    book.Drain(WorkerId(w), rings[w]);
  }
  ASSERT_EQ(book.paths().size(), 2U);
  EXPECT_EQ(book.paths()[1].worker, WorkerId(1));
}

TEST(TraceBook, ForgetsTheOldest) {
  TraceRing ring;
  TraceBook book;
  for (uint16_t i = 1; i <= TraceBook::kMaxPaths + 5; ++i) {
    ring.Push(Step(i));
    book.Drain(WorkerId(0), ring);
  }
  ASSERT_EQ(book.paths().size(), TraceBook::kMaxPaths);
  EXPECT_EQ(book.paths().front().number, 6);
}

TEST(TraceBook, CountsTheWays) {
  TraceRing ring;
  TraceBook book;
  // Two packets by the nodes 0 and 1, one by 0 and 2.
  for (const auto& [trace, node] : {std::pair{1, 0}, {2, 0}, {3, 0}, {1, 1}, {2, 2}, {3, 1}}) {
    ring.Push(Step(static_cast<uint16_t>(trace), static_cast<uint16_t>(node)));
  }
  book.Drain(WorkerId(0), ring);
  const std::vector<WayCount> ways = book.Ways();
  ASSERT_EQ(ways.size(), 2U);
  EXPECT_EQ(ways[0].packets, 2U);
  EXPECT_EQ(ways[0].way.back().first, NodeId(1));
  EXPECT_EQ(ways[1].packets, 1U);
  EXPECT_EQ(ways[1].way.back().first, NodeId(2));
}

struct Seen {
  PortId port;
  BridgeId bridge;
  uint16_t bytes = 0;
};
constexpr auto kSeen = TraceFields({TraceFieldOf<&Seen::port>("port", "where it was"),
                                    TraceFieldOf<&Seen::bridge>("bridge", "its bridge"),
                                    TraceFieldOf<&Seen::bytes>("bytes", "how long")});

TEST(RecordFields, HaveNamesBesideNumbers) {
  NodeClass node;
  node.trace = kSeen;
  const auto fields = [&node](const Seen& seen, const TraceNames& names) {
    TraceStep step;
    std::memcpy(step.record.data(), &seen, sizeof(seen));
    std::string text;
    for (const auto& [name, value] : RecordFields(node, step, names))
      text += name + " " + value + ";";
    return text;
  };
  const TraceNames names = [](TraceNumberOf what, uint16_t number) -> std::string {
    if (what == TraceNumberOf::kBridge) return "default";
    return number == 2 ? "web-1" : "";
  };
  EXPECT_EQ(fields({PortId(2), BridgeId(0), 2}, names),
            "port 2 (web-1);bridge 0 (default);bytes 2;");
  EXPECT_EQ(fields({PortId(3), BridgeId(0), 2}, names), "port 3;bridge 0 (default);bytes 2;");
  EXPECT_EQ(fields({PortId(), BridgeId(), 2}, names), "port none;bridge none;bytes 2;");
  EXPECT_EQ(fields({PortId(2), BridgeId(0), 2}, nullptr), "port 2;bridge 0;bytes 2;");
}

TEST(TraceRing, LosesTheNewestWhenFullAndCountsThem) {
  TraceRing ring;
  for (uint16_t i = 1; i <= TraceRing::kSize + 3; ++i) ring.Push(Step(i));
  EXPECT_EQ(ring.lost.value(), 3U);
  TraceStep step;
  for (uint16_t i = 1; i <= TraceRing::kSize; ++i) {
    ASSERT_TRUE(ring.Pop(step));
    EXPECT_EQ(step.trace, i);
  }
  EXPECT_FALSE(ring.Pop(step));
  ring.Push(Step(7));
  EXPECT_TRUE(ring.Pop(step)) << "and it goes on";
}

TEST(TraceRing, CarriesStepsBetweenThreads) {
  TraceRing ring;
  constexpr uint32_t kSteps = 100'000;
  std::thread worker([&] {
    for (uint32_t i = 0; i < kSteps; ++i) {
      TraceStep step = Step(1);
      step.length = i;
      step.cycles = ~uint64_t{i};
      ring.Push(step);
    }
  });
  uint32_t got = 0;
  int64_t last = -1;
  TraceStep step;
  const auto drain = [&] {
    while (ring.Pop(step)) {
      ASSERT_EQ(step.cycles, ~uint64_t{step.length}) << "whole";
      ASSERT_GT(int64_t{step.length}, last) << "in order";
      last = step.length;
      ++got;
    }
  };
  while (got + ring.lost.value() < kSteps) drain();
  worker.join();
  drain();
  EXPECT_EQ(got + ring.lost.value(), kSteps);
}

TEST(VerdictText, SaysWhatWasDecided) {
  static constexpr LabelText kNexts[] = {{"flood", "h"}};
  static constexpr LabelText kDropLabels[] = {{"spoofed", "h"}};
  NodeClass node;
  node.nexts = kNexts;
  node.drops = kDropLabels;
  EXPECT_EQ(VerdictText(node, 0), "-> flood");
  EXPECT_EQ(VerdictText(node, kFirstDrop), "drop: spoofed");
  EXPECT_EQ(VerdictText(node, kContinue), "continue");
  EXPECT_EQ(VerdictText(node, kConsumed), "consumed");
  node.kind = NodeKind::kOutput;
  EXPECT_EQ(VerdictText(node, kConsumed), "sent");
  EXPECT_EQ(VerdictText(node, 5), "->") << "a plugin that was replaced may have had more";
  EXPECT_EQ(VerdictText(node, kFirstDrop + 5), "drop");
}

}  // namespace
}  // namespace weft
