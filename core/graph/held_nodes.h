// SPDX-License-Identifier: Apache-2.0
// The two nodes by which packets that were kept come back (HeldPackets): they are in the graph once
// some class of nodes has said that it keeps packets, and not before.
#pragma once

#include "core/graph/held_packets.h"
#include "core/graph/node.h"

namespace weft {

class HeldInput final : public Input<HeldInput> {
 public:
  static constexpr NodeSpec kSpec{.name = "held-input",
                                  .returns_kept = true,
                                  .help = "Takes packets that nodes have kept when they are due."};
  enum class Next : uint8_t { kHeldOutput };
  static constexpr auto kNexts =
      Labels<Next>({{Next::kHeldOutput, "held-output", "what is due goes where it was sent"}});
  enum class Drop : uint8_t { kExpired };
  static constexpr auto kDrops =
      Labels<Drop>({{Drop::kExpired, "expired", "its node kept it for 10 s and never sent it"}});

  void Poll(Frame& frame) {
    HeldPackets& held = *graph_->held();
    if (held.held() == 0) return;
    const Time now = graph_->Now();
    while (Packet* const packet = held.TakeExpired(now))
      DropPacket(*packet, packet->in_port(), Drop::kExpired);
    while (frame.room() > 0) {
      Packet* const packet = held.TakeDue(now);
      if (packet == nullptr) return;
      frame.Push(packet);
    }
  }
  void EndDispatch() { graph_->held()->EndDispatch(); }

  bool CanSleep() { return true; }
  void PrepareSleep(SleepSet& set) {
    if (const auto due = graph_->held()->NextDue()) set.WakeAt(*due);
  }
};

class HeldOutput final : public Node<HeldOutput> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "held-output",
      .returns_kept = true,
      .help = "Hands packets that were kept to the node that comes after the one that kept them."};
  enum class Drop : uint8_t { kPortGone, kNodeGone };
  static constexpr auto kDrops = Labels<Drop>(
      {{Drop::kPortGone, "port-gone", "one of its ports was deleted meanwhile"},
       {Drop::kNodeGone, "node-gone", "the node that it was sent to was unloaded meanwhile"}});

  void Process(Frame& frame) {
    for (Packet* const packet : frame) {
      switch (graph_->Resume(index_, *packet)) {
        case Graph::Resumed::kSent:
          break;
        case Graph::Resumed::kPortGone:
          DropPacket(*packet, packet->in_port(), Drop::kPortGone);
          break;
        case Graph::Resumed::kNodeGone:
          DropPacket(*packet, packet->in_port(), Drop::kNodeGone);
          break;
      }
    }
  }
};

}  // namespace weft
