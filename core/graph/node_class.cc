// SPDX-License-Identifier: Apache-2.0
#include "core/graph/node_class.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/graph/node.h"

namespace weft {

absl::StatusOr<NodeId> NodeCatalog::Add(NodeClass node) {
  if (Find(node.spec.name) != nullptr) {
    return absl::AlreadyExistsError(Cat("node \"", node.spec.name, "\" is registered twice"));
  }
  if (nodes_.size() == kMaxNodes || drops_ + node.drops.size() > kMaxDrops ||
      counters_ + node.counters.size() > kMaxCounters) {
    return absl::ResourceExhaustedError(
        Cat("no room for node \"", node.spec.name, "\": at most ", kMaxNodes, " nodes with ",
            kMaxDrops, " drop reasons and ", kMaxCounters, " counters together"));
  }
  node.id = NodeId(static_cast<uint16_t>(nodes_.size()));
  node.first_drop = drops_;
  node.first_counter = counters_;
  drops_ = static_cast<uint16_t>(drops_ + node.drops.size());
  counters_ = static_cast<uint16_t>(counters_ + node.counters.size());
  nodes_.push_back(std::move(node));
  return nodes_.back().id;
}

const NodeClass* NodeCatalog::Find(std::string_view name) const {
  const auto found = std::find_if(nodes_.begin(), nodes_.end(),
                                  [&](const NodeClass& n) { return n.spec.name == name; });
  return found == nodes_.end() ? nullptr : &*found;
}

}  // namespace weft
