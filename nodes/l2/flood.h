// SPDX-License-Identifier: Apache-2.0
// flood: one packet for each other port of the bridge that is up. The packet itself goes to the
// last of them, clones go to the others; they share headers and borrowed payload. Clones are made
// and sent on in chunks, so that a frame of broadcasts in a bridge of many ports needs few packets
// at a time. One object a worker.
#pragma once

#include <cstdint>

#include "core/graph/node.h"
#include "nodes/l2/bridge.h"

namespace weft::l2 {

class Flood final : public Node<Flood> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "flood", .help = "Copies a packet to every other port of its bridge that is up."};
  enum class Next : uint8_t { kPortOutput };
  static constexpr auto kNexts =
      Labels<Next>({{Next::kPortOutput, "port-output", "one packet for each port"}});
  enum class Drop : uint8_t { kNoMembers, kNoPackets };
  static constexpr auto kDrops =
      Labels<Drop>({{Drop::kNoMembers, "no-members", "no other port of the bridge is up"},
                    {Drop::kNoPackets, "no-packets", "the pool has no packet for a clone"}});
  enum class Counter : uint8_t { kClones };
  static constexpr auto kCounters =
      Labels<Counter>({{Counter::kClones, "clones", "copies made, beyond the packets received"}});
  struct TraceRecord {
    BridgeId bridge;
    uint16_t copies;  // packets that leave
  };
  static constexpr auto kTrace =
      TraceFields({TraceFieldOf<&TraceRecord::bridge>("bridge", "the bridge's number"),
                   TraceFieldOf<&TraceRecord::copies>("copies", "how many packets leave")});

  static constexpr size_t kChunk = 256;  // clones on their way at a time

  explicit Flood(L2State& state) : state_(state) {}

  void Process(Frame& frame);
  TraceRecord MakeTrace(const Packet& packet) const;

 private:
  void SendClone(const Packet& packet, PortId to);

  L2State& state_;
  size_t mark_ = 0;      // of the packet pool, before the first clone of this chunk
  size_t in_chunk_ = 0;  // clones
};

}  // namespace weft::l2
