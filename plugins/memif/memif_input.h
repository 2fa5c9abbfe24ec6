// SPDX-License-Identifier: Apache-2.0
// memif-input: brings the frames of the peers on this worker into the switch. Several quiet rings
// share one vector; a busy one may fill what is left, and the ring to start with changes from poll
// to poll. At the end of the dispatch all buffers go back. Worker thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "plugins/memif/memif_table.h"
#include "plugins/memif/ring_reader.h"

namespace weft::memif {

class MemifInput final : public Input<MemifInput> {
 public:
  static constexpr NodeSpec kSpec{.name = "memif-input",
                                  .help = "Takes frames out of the rings that memif peers fill."};
  using Drop = ReceiveDrop;
  static constexpr auto kDrops = kReceiveDrops;
  enum class Counter : uint8_t { kSnapshotBytes };
  static constexpr auto kCounters =
      Labels<Counter>({{Counter::kSnapshotBytes, "snapshot-bytes",
                        "bytes of frames copied into private header snapshots"}});

  // `table` outlives the node; `kicks` are those of this worker's rings.
  MemifInput(const Published<MemifTable>& table, WorkerId worker,
             std::shared_ptr<const KickSet> kicks);

  void Poll(Frame& frame);
  void EndDispatch();
  bool CanSleep();
  void PrepareSleep(SleepSet& set);
  void Wake();

 private:
  void PollRing(const InputRing& ring, Frame& frame);
  // Calls use(queue, view) for each of this worker's rings that run.
  template <typename Use>
  void ForEachRunning(Use use) {
    const MemifTable* const table = table_.Load();
    if (table == nullptr) return;
    for (const InputRing& ring : table->inputs(worker_)) {
      const RingView* const view = ring.queue->Running();
      if (view != nullptr) use(*ring.queue, *view);
    }
  }

  const Published<MemifTable>& table_;
  const WorkerId worker_;
  const std::shared_ptr<const KickSet> kicks_;
  size_t next_ring_ = 0;  // where the next poll starts, an index into the worker's inputs
  RingReader reader_;
  std::vector<UsedRing> used_rings_;  // buffers of them are out
};

}  // namespace weft::memif
