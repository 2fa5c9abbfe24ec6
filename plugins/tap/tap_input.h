// SPDX-License-Identifier: Apache-2.0
// tap-input: reads the frames that kernel containers send. A frame's first bytes are read straight
// into its packet, the rest into memory of the input's own, where it stays until the dispatch ends:
// nothing of it is anybody else's. A read is a system call, so a queue has kBurst frames a turn,
// the queue to start with changes from poll to poll, and one that was empty is not asked again at
// once. Worker thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/sdk/weft.h"
#include "plugins/tap/tap_table.h"

namespace weft::tap {

class TapInput final : public Input<TapInput> {
 public:
  static constexpr NodeSpec kSpec{.name = "tap-input",
                                  .help = "Reads the frames that kernel containers send."};
  enum class Drop : uint8_t { kRunt, kTooLong, kBadHeader, kUnsupportedOffload, kTooManySegments };
  static constexpr auto kDrops = Labels<Drop>({
      {Drop::kRunt, "runt", "shorter than an Ethernet header"},
      {Drop::kTooLong, "too-long", "longer than the port's MTU"},
      {Drop::kBadHeader, "bad-header", "its virtio-net header contradicts the frame"},
      {Drop::kUnsupportedOffload, "unsupported-offload",
       "asks for the checksum of what is neither TCP nor UDP right behind IP"},
      {Drop::kTooManySegments, "too-many-segments", "asks to be cut into more than 128 segments"},
  });
  enum class Counter : uint8_t { kReads, kEmptyReads };
  static constexpr auto kCounters = Labels<Counter>({
      {Counter::kReads, "reads", "system calls that brought a frame"},
      {Counter::kEmptyReads, "empty-reads", "system calls that found none"},
  });

  // Ticks that a queue which was empty is left alone for at most: some 10 us.
  static constexpr uint64_t kLongestPause = 1U << 15;

  // `table` outlives the node.
  TapInput(const Published<TapTable>& table, WorkerId worker,
           uint64_t longest_pause = kLongestPause);

  void Poll(Frame& frame);
  void EndDispatch() { used_ = 0; }
  bool CanSleep();
  void PrepareSleep(SleepSet& set);

 private:
  // Frames of one queue in a row: what others wait for meanwhile is some 50 us.
  static constexpr size_t kBurst = 32;
  // With more queues a worker naps: room is left in the SleepSet for other nodes.
  static constexpr size_t kMaxWatched = SleepSet::kCapacity / 2;
  // One byte more than a good frame has, so that a longer one shows.
  static constexpr size_t kLongest = kMaxOffloadFrame + 1;
  // What a second-level cache holds, and the last frame.
  static constexpr size_t kMemory = (size_t{1} << 19) + kLongest;

  // When a port's queues are worth a system call again.
  struct Pause {
    uint64_t until = 0;   // TSC
    uint64_t length = 0;  // ticks
  };

  void PollQueue(const InputQueue& queue, Frame& frame);
  // Whether there is room for one more frame, whatever its length.
  bool HasRoom(const Frame& frame) const {
    return frame.room() > 0 && used_ + kLongest <= kMemory && graph_->pool().available() > 0;
  }
  // Makes `packet` of the `length` bytes that were read; false, and a drop, if they are a bad
  // frame.
  bool Accept(const PortTap& tap, Packet& packet, size_t length);

  const Published<TapTable>& table_;
  const WorkerId worker_;
  const uint64_t longest_pause_;
  size_t next_queue_ = 0;  // where the next poll starts, an index into the worker's inputs
  size_t used_ = 0;        // memory_[0, used_) is lent to the packets of this dispatch
  const std::unique_ptr<uint8_t[]> memory_;
  std::array<Pause, kMaxPorts> pauses_{};
};

}  // namespace weft::tap
