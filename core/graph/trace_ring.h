// SPDX-License-Identifier: Apache-2.0
// How a traced packet's steps leave the worker: a ring with one writer (the worker) and one reader
// (control). A full ring loses steps and counts them; the worker never waits.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/base/counter.h"
#include "core/base/ids.h"
#include "core/graph/counters.h"
#include "core/graph/verdict.h"

namespace weft {

// One node's decision on one traced packet.
struct TraceStep {
  static constexpr size_t kRecordSize = 40;

  uint64_t cycles = 0;  // TSC when the node had decided
  uint16_t trace = 0;   // which packet, 1 and up
  NodeId node;
  VerdictCode verdict = 0;
  PortId in_port, out_port;
  uint32_t length = 0;                        // of the frame, bytes
  std::array<uint8_t, 44> header{};           // the frame's first bytes, at most `length`
  std::array<uint8_t, kRecordSize> record{};  // the node's own TraceRecord, if it has one
};

class TraceRing {
 public:
  static constexpr size_t kSize = 1024;

  TraceRing() : steps_(std::make_unique<TraceStep[]>(kSize)) {}

  void Push(const TraceStep& step) {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == kSize) {
      lost.Add();
      return;
    }
    steps_[tail % kSize] = step;
    tail_.store(tail + 1, std::memory_order_release);
  }
  bool Pop(TraceStep& step) {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return false;
    step = steps_[head % kSize];
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

  Counter lost;

 private:
  std::unique_ptr<TraceStep[]> steps_;
  alignas(64) std::atomic<uint64_t> tail_{0};
  alignas(64) std::atomic<uint64_t> head_{0};
};

}  // namespace weft
