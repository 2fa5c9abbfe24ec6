// SPDX-License-Identifier: Apache-2.0
// af-xdp-input: brings the frames of AF_XDP sockets on this worker into the switch. A packet stays
// where the kernel put it, in memory that is weft's alone, with room before it; nothing is copied.
// Its chunk goes back to the kernel at the end of the dispatch. Worker thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/sdk/weft.h"
#include "plugins/af_xdp/ports_table.h"

namespace weft::af_xdp {

class AfXdpInput final : public Input<AfXdpInput> {
 public:
  static constexpr NodeSpec kSpec{.name = "af-xdp-input",
                                  .help = "Takes frames out of AF_XDP sockets' receive rings."};
  enum class Drop : uint8_t { kRunt, kBadDescriptor };
  static constexpr auto kDrops = Labels<Drop>({
      {Drop::kRunt, "runt", "shorter than an Ethernet header"},
      {Drop::kBadDescriptor, "bad-descriptor", "the kernel's descriptor is outside of the memory"},
  });
  enum class Counter : uint8_t { kCompletedChecksums };
  static constexpr auto kCounters = Labels<Counter>(
      {{Counter::kCompletedChecksums, "completed-checksums",
        "frames whose TCP or UDP checksum the sender's kernel had left to its device"}});

  // `table` outlives the node.
  AfXdpInput(const Published<PortsTable>& table, WorkerId worker)
      : table_(table), worker_(worker) {}

  void Poll(Frame& frame);
  void EndDispatch();
  // While there is room to watch them all: with more a worker naps.
  bool CanSleep();
  void PrepareSleep(SleepSet& set);

 private:
  static constexpr size_t kMaxWatched = SleepSet::kCapacity / 2;

  void PollQueue(const InputQueue& input, Frame& frame);

  struct Lent {
    XdpQueue* queue;
    uint64_t address;
  };

  const Published<PortsTable>& table_;
  const WorkerId worker_;
  size_t next_queue_ = 0;  // where the next poll starts, an index into the worker's inputs
  size_t lent_count_ = 0;  // lent_[0, lent_count_) belong to packets of this dispatch
  std::array<Lent, Frame::kCapacity> lent_;
};

}  // namespace weft::af_xdp
