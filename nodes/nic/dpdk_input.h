// SPDX-License-Identifier: Apache-2.0
// dpdk-input: brings the frames of the NICs on this worker into the switch. A packet's headers are
// where the NIC put them, in its mbuf; what comes in further mbufs is its payload. Several quiet
// queues share one vector; a busy one may fill what is left, and the queue to start with changes
// from poll to poll. All mbufs go back at the end of the dispatch. Worker thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/base/labels.h"
#include "core/base/rcu.h"
#include "core/graph/node.h"
#include "nodes/nic/nic_table.h"

struct rte_mbuf;

namespace weft::nic {

class DpdkInput final : public Input<DpdkInput> {
 public:
  static constexpr NodeSpec kSpec{.name = "dpdk-input",
                                  .help = "Takes frames out of the NICs' receive queues."};
  enum class Drop : uint8_t { kRunt, kTooLong, kTooManySegments };
  static constexpr auto kDrops = Labels<Drop>({
      {Drop::kRunt, "runt", "shorter than an Ethernet header"},
      {Drop::kTooLong, "too-long", "longer than 9216 bytes"},
      {Drop::kTooManySegments, "too-many-segments", "in more pieces than a packet can have"},
  });
  enum class Counter : uint8_t { kSnapshotBytes };
  static constexpr auto kCounters = Labels<Counter>(
      {{Counter::kSnapshotBytes, "snapshot-bytes",
        "bytes of headers copied because they could not stay in their mbuf: it is shared, or "
        "without room before the frame"}});

  // `table` outlives the node.
  DpdkInput(const Published<NicTable>& table, WorkerId worker) : table_(table), worker_(worker) {}

  void Poll(Frame& frame);
  void EndDispatch();
  // While all of the worker's queues can wake it.
  bool CanSleep();
  void PrepareSleep(SleepSet& set);

 private:
  // With more a worker naps: room is left in the SleepSet for other nodes.
  static constexpr size_t kMaxWatched = SleepSet::kCapacity / 2;
  // A frame of 9216 bytes in mbufs of 2048 has five pieces.
  static constexpr size_t kMaxSegments = 16;

  void PollQueue(const InputQueue& queue, Frame& frame);
  // Makes `packet` from the mbufs; false if they are too many.
  bool Fill(Packet& packet, PortId port, rte_mbuf* mbuf);

  const Published<NicTable>& table_;
  const WorkerId worker_;
  size_t next_queue_ = 0;  // where the next poll starts, an index into the worker's inputs
  size_t held_ = 0;        // mbufs_[0, held_) are lent to the packets of this dispatch
  std::array<rte_mbuf*, Frame::kCapacity> mbufs_;
  // The pieces behind the first of each packet, by the place of its mbuf.
  std::array<std::array<Segment, kMaxSegments - 1>, Frame::kCapacity> segments_;
};

}  // namespace weft::nic
