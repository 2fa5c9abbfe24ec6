// SPDX-License-Identifier: Apache-2.0
// What a worker's loop needs of a plan's nodes. Control makes one for each worker and hands it over
// with the tables that are made for that plan; the worker swaps it for its own between two rounds.
// It owns none of what it points to, so what is swapped out may be destroyed at any time.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/graph/counters.h"
#include "core/graph/frame.h"

namespace weft {

class HeldPackets;
class NodeBase;
struct PlanTarget;

struct Layout {
  // What the loop needs of a node, one cache line.
  struct alignas(64) Slot {
    NodeBase* node = nullptr;
    Frame* head = nullptr;  // frames that wait for it
    Frame* tail = nullptr;
    NodeCounters* counters = nullptr;
    const PlanTarget* nexts = nullptr;
    Counter* arcs = nullptr;  // packets that left for each node
    NodeId id;
    uint16_t first_drop = 0;
    uint16_t first_counter = 0;
    uint8_t next_count = 0;
    uint8_t drop_count = 0;
    Arc arc = Arc::kPortInput;
    bool is_feature = false;
    bool ends_arc = false;
    bool blames_receiver = false;  // its drops count against the out-port
    uint16_t name = 0;             // NodeClass::name_number
  };
  static_assert(sizeof(Slot) == 64);

  uint64_t plan = 0;        // GraphPlan::number
  std::vector<Slot> slots;  // by NodeIndex
  std::vector<NodeIndex> inputs;
  HeldPackets* held = nullptr;             // null: no class of nodes ever kept packets
  std::vector<NodeBase*> dispatch_enders;  // in the order to call them, without the inputs
};

// By WorkerId. Each is touched by its worker alone once the tables that hold them are published.
using Layouts = std::vector<std::unique_ptr<Layout>>;

}  // namespace weft
