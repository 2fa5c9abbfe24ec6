// SPDX-License-Identifier: Apache-2.0
// vhost-input: brings the frames of the containers on this worker into the switch. Several quiet
// rings share one vector; a busy one may fill what is left, and the ring to start with changes from
// poll to poll. At the end of the dispatch all descriptors go back, with one notification a ring.
// Worker thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/labels.h"
#include "core/base/rcu.h"
#include "core/graph/node.h"
#include "core/tenant/kick_set.h"
#include "core/tenant/notifier.h"
#include "nodes/vhost/split_ring.h"
#include "nodes/vhost/vhost_table.h"

namespace weft::vhost {

class VhostInput final : public Input<VhostInput> {
 public:
  static constexpr NodeSpec kSpec{.name = "vhost-input",
                                  .help = "Takes frames out of the containers' transmit rings."};
  using Drop = ReceiveDrop;
  static constexpr auto kDrops = kReceiveDrops;
  enum class Counter : uint8_t { kSnapshotBytes };
  static constexpr auto kCounters =
      Labels<Counter>({{Counter::kSnapshotBytes, "snapshot-bytes",
                        "bytes of frames copied into private header snapshots"}});

  struct TraceRecord {
    Offload offload;
  };
  static constexpr auto kTrace = TraceFields({TraceFieldOf<&TraceRecord::offload>(
      "offload", "what the sender left to be done: a checksum, and segments to be cut")});
  TraceRecord MakeTrace(const Packet& packet) const { return {.offload = packet.offload()}; }

  // `table` and `notifier` outlive the node.
  // `kicks` are those of this worker's rings; without them it can only nap.
  VhostInput(const Published<VhostTable>& table, Notifier& notifier, WorkerId worker,
             std::shared_ptr<const KickSet> kicks = nullptr);

  void Poll(Frame& frame);
  void EndDispatch();
  bool CanSleep();
  void PrepareSleep(SleepSet& set);
  void Wake();

 private:
  void PollRing(const InputRing& ring, Frame& frame);

  const Published<VhostTable>& table_;
  Notifier& notifier_;
  const WorkerId worker_;
  const std::shared_ptr<const KickSet> kicks_;
  size_t next_ring_ = 0;  // where the next poll starts, an index into the worker's inputs
  RingReader reader_;
  std::vector<UsedRing> used_rings_;  // chains of them are out
};

}  // namespace weft::vhost
