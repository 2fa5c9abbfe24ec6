// SPDX-License-Identifier: Apache-2.0
// The part of Graph that goes from one plan to another.
#include <algorithm>
#include <utility>

#include "core/graph/graph.h"
#include "core/graph/held_packets.h"
#include "core/graph/node.h"

namespace weft {

Graph::Change Graph::Prepare(std::shared_ptr<const GraphPlan> plan) const {
  Change change{
      .plan = std::move(plan), .nodes = {}, .layout = std::make_unique<Layout>(), .held = nullptr};
  Layout& layout = *change.layout;
  layout.plan = change.plan->number();
  change.held = held_ == nullptr && change.plan->keeps() ? std::make_shared<HeldPackets>() : held_;
  layout.held = change.held.get();
  layout.slots.resize(change.plan->nodes().size());
  for (size_t i = 0; i < layout.slots.size(); ++i) {
    const PlanNode& planned = change.plan->nodes()[i];
    const NodeClass& node_class = planned.node_class;
    const NodeIndex index(static_cast<uint16_t>(i));
    change.nodes.push_back(ObjectOf(node_class));
    NodeBase* const node = change.nodes.back().get();
    Slot& slot = layout.slots[i];
    slot.node = node;
    slot.counters = &counters_.node(node_class.id);
    slot.nexts = planned.nexts.data();
    slot.arcs = counters_.arcs_from(node_class.id);
    slot.id = node_class.id;
    slot.name = node_class.name_number;
    slot.first_drop = node_class.first_drop;
    slot.first_counter = node_class.first_counter;
    slot.next_count = static_cast<uint8_t>(node_class.nexts.size());
    slot.drop_count = static_cast<uint8_t>(node_class.drops.size());
    slot.arc = planned.arc;
    slot.is_feature = node_class.kind == NodeKind::kFeature;
    slot.ends_arc = planned.on_arc && node_class.spec.last;
    slot.blames_receiver = (planned.on_arc && planned.arc == Arc::kPortOutput) ||
                           index == change.plan->arc(Arc::kPortOutput).entry;
    if (node_class.kind == NodeKind::kInput) {
      layout.inputs.push_back(index);
    } else if (node_class.ends_dispatch) {
      layout.dispatch_enders.push_back(node);
    }
  }
  return change;
}

// The class as it was registered once has one object in this graph, whatever the plan.
std::shared_ptr<NodeBase> Graph::ObjectOf(const NodeClass& node_class) const {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (plan_->nodes()[i].node_class.serial == node_class.serial) return nodes_[i];
  }
  return node_class.make(worker_);
}

Graph::Change Graph::Adopt(Change change) {
  held_ = std::move(change.held);  // once there is one it stays
  return {.plan = std::exchange(plan_, std::move(change.plan)),
          .nodes = std::exchange(nodes_, std::move(change.nodes)),
          .layout = nullptr,
          .held = nullptr};
}

void Graph::LoadTables() {
  tables_ = published_tables_.Load();
  if (tables_ != nullptr && tables_->plan() != layout_.plan) [[unlikely]] {
    SwapLayout();
  }
}

// Between two rounds: no frame waits. Nothing here allocates or frees.
void Graph::SwapLayout() {
  std::swap(layout_, tables_->layout(worker_));
  TellNodes();
}

void Graph::TellNodes() {
  for (size_t i = 0; i < layout_.slots.size(); ++i) {
    layout_.slots[i].node->Join(this, NodeIndex(static_cast<uint16_t>(i)));
  }
}

}  // namespace weft
