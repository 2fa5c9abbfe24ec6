// SPDX-License-Identifier: Apache-2.0
#include "core/graph/node_class.h"

#include <algorithm>
#include <bitset>
#include <optional>

#include "core/base/text.h"
#include "core/graph/node.h"

namespace weft {
namespace {

std::string LabelsOfClass(const NodeClass& node) {
  std::string labels;
  for (const LabelText& drop : node.drops) Append(labels, "drop ", drop.name, "\n");
  for (const LabelText& counter : node.counters) Append(labels, "counter ", counter.name, "\n");
  return labels;
}

// Numbers that are in use, and the first run of so many that are not.
template <size_t kSize>
class Taken {
 public:
  void Take(size_t first, size_t count) {
    for (size_t i = 0; i < count; ++i) taken_.set(first + i);
  }
  std::optional<uint16_t> Find(size_t count) const {
    for (size_t first = 0; first + count <= kSize; ++first) {
      size_t free = 0;
      while (free < count && !taken_[first + free]) ++free;
      if (free == count) return static_cast<uint16_t>(first);
    }
    return std::nullopt;
  }
  bool operator[](size_t number) const { return taken_[number]; }

 private:
  std::bitset<kSize> taken_;
};

}  // namespace

NodeClass NodeCatalog::Gone() {
  NodeClass gone;
  gone.spec.name = "gone";
  gone.spec.help = "A node of a plugin that was unloaded.";
  return gone;
}

// Ids go round, so that what was recorded of a node that has gone is not soon taken for another's.
bool NodeCatalog::Number(NodeClass& node) const {
  Taken<kMaxNodes> ids;
  Taken<kMaxDrops> drops;
  Taken<kMaxCounters> counters;
  for (const NodeClass& other : nodes_) {
    ids.Take(other.id.value(), 1);
    drops.Take(other.first_drop, other.drops.size());
    counters.Take(other.first_counter, other.counters.size());
  }
  for (const RetiredNumbers& other : retired_) {
    ids.Take(other.id.value(), 1);
    drops.Take(other.first_drop, other.drops);
    counters.Take(other.first_counter, other.counters);
  }
  const std::optional<uint16_t> drop = drops.Find(node.drops.size());
  const std::optional<uint16_t> counter = counters.Find(node.counters.size());
  size_t tries = 0;
  size_t id = last_id_;
  do {
    id = (id + 1) % kMaxNodes;
  } while (ids[id] && ++tries < kMaxNodes);
  if (!drop || !counter || ids[id]) return false;
  node.id = NodeId(static_cast<uint16_t>(id));
  node.first_drop = *drop;
  node.first_counter = *counter;
  return true;
}

absl::StatusOr<NodeId> NodeCatalog::Add(NodeClass node) {
  if (Find(node.spec.name) != nullptr) {
    return absl::AlreadyExistsError(Cat("node \"", node.spec.name, "\" is registered twice"));
  }
  const auto before =
      std::find_if(retired_.begin(), retired_.end(), [&](const RetiredNumbers& numbers) {
        return numbers.name == node.spec.name && numbers.labels == LabelsOfClass(node);
      });
  if (before != retired_.end()) {
    node.id = before->id;
    node.first_drop = before->first_drop;
    node.first_counter = before->first_counter;
    retired_.erase(before);
  } else if (Number(node)) {
    last_id_ = node.id.value();
  } else {
    return absl::ResourceExhaustedError(
        Cat("no room for node \"", node.spec.name, "\": at most ", kMaxNodes, " nodes with ",
            kMaxDrops, " drop reasons and ", kMaxCounters, " counters together"));
  }
  node.serial = ++revision_;
  auto name = std::find(names_.begin(), names_.end(), node.spec.name);
  if (name == names_.end()) name = names_.insert(name, std::string(node.spec.name));
  node.name_number = static_cast<uint16_t>(name - names_.begin() + 1);
  keeps_ = keeps_ || node.spec.keeps;
  drop_count_ = std::max(drop_count_, node.first_drop + node.drops.size());
  nodes_.push_back(std::move(node));
  return nodes_.back().id;
}

void NodeCatalog::Remove(std::string_view name) {
  const auto found = std::find_if(nodes_.begin(), nodes_.end(),
                                  [&](const NodeClass& node) { return node.spec.name == name; });
  if (found == nodes_.end()) return;
  retired_.push_back({.serial = ++revision_,
                      .name = std::string(name),
                      .id = found->id,
                      .first_drop = found->first_drop,
                      .drops = static_cast<uint16_t>(found->drops.size()),
                      .first_counter = found->first_counter,
                      .counters = static_cast<uint16_t>(found->counters.size()),
                      .labels = LabelsOfClass(*found)});
  nodes_.erase(found);
}

std::vector<RetiredNumbers> NodeCatalog::RetiredSince(uint64_t revision) const {
  std::vector<RetiredNumbers> since;
  std::copy_if(retired_.begin(), retired_.end(), std::back_inserter(since),
               [&](const RetiredNumbers& numbers) { return numbers.serial > revision; });
  return since;
}

bool NodeCatalog::Release(const RetiredNumbers& numbers) {
  return std::erase_if(retired_, [&](const RetiredNumbers& other) {
           return other.serial == numbers.serial;
         }) != 0;
}

const NodeClass& NodeCatalog::node(NodeId id) const {
  const auto found = std::find_if(nodes_.begin(), nodes_.end(),
                                  [&](const NodeClass& node) { return node.id == id; });
  return found == nodes_.end() ? gone_ : *found;
}

const NodeClass* NodeCatalog::Find(std::string_view name) const {
  const auto found = std::find_if(nodes_.begin(), nodes_.end(),
                                  [&](const NodeClass& n) { return n.spec.name == name; });
  return found == nodes_.end() ? nullptr : &*found;
}

}  // namespace weft
