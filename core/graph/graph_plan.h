// SPDX-License-Identifier: Apache-2.0
// The plan of the graph: which nodes there are, in which order they run, and where each Next leads.
// Built once from the catalog, then immutable and shared by the workers' Graphs. Control thread.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/graph/frame.h"
#include "core/graph/node_class.h"

namespace weft {

// "port-input", "port-output"; the names of the arcs and of their entry nodes.
std::string_view ArcName(Arc arc);

// Where a Next leads: to a node, or into an arc, whose tables say which node is first there.
struct PlanTarget {
  NodeIndex node;  // for an arc: its entry node
  bool is_arc = false;
  Arc arc = Arc::kPortInput;
};

struct PlanNode {
  NodeClass node_class;
  std::vector<PlanTarget> nexts;  // by the node's Next enumerators
  bool on_arc = false;            // a feature, or where an arc ends
  Arc arc = Arc::kPortInput;
};

// One feature arc: its entry node, its features in their order, and the nodes where it may end.
struct PlanArc {
  NodeIndex entry;
  std::vector<NodeIndex> features;
  std::vector<NodeIndex> ends;
};

class GraphPlan {
 public:
  // Errors, each with the names that it is about: a Next that leads to an unknown node, to a
  // feature or to an input, a cycle, an arc without an end, a feature that names an unknown
  // neighbour or an impossible order.
  static absl::StatusOr<std::shared_ptr<const GraphPlan>> Build(const NodeCatalog& catalog);

  // The catalog's revision: two plans with one number are the same.
  uint64_t number() const { return number_; }
  const std::vector<PlanNode>& nodes() const {
    return nodes_;
  }  // by NodeIndex, in topological order
  // Whether there is, or was, a class of nodes that keeps packets.
  bool keeps() const { return keeps_; }
  const PlanArc& arc(Arc arc) const { return arcs_[static_cast<size_t>(arc)]; }
  // The same graph of other node objects: those that `make` gives for a class.
  std::shared_ptr<const GraphPlan> WithNodes(
      const std::function<NodeClass::Factory(const NodeClass&)>& make) const;
  // Invalid if the plan has no node of that name.
  NodeIndex Find(std::string_view name) const;

 private:
  GraphPlan() = default;

  uint64_t number_ = 0;
  bool keeps_ = false;
  std::vector<PlanNode> nodes_;
  std::array<PlanArc, kArcs> arcs_;
};

}  // namespace weft
