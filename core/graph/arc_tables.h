// SPDX-License-Identifier: Apache-2.0
// Which features each port has, compiled for the workers: an immutable snapshot that control
// publishes whenever ports or features change. Ports with the same features (and, on port-output,
// the same output node) share a ChainId; an arc on which all ports share one empty chain has no
// entry node on the way at all.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/graph/frame.h"
#include "core/graph/graph_plan.h"
#include "core/graph/layout.h"

namespace weft {

// What control says of one port.
struct PortWiring {
  PortId port;
  std::string output =
      {};  // the node where port-output ends for this port: "vhost-output", "nic-output"
  struct FeatureUse {
    std::string node;
    std::shared_ptr<const void> config;  // of the feature's PortConfig type
  };
  std::vector<FeatureUse> features = {};
  uint32_t life = 0;  // which of all ports it is that ever had this number
};

class ArcTables {
 public:
  static constexpr ChainId kNoChain{};  // of a port that is not there
  static constexpr size_t kMaxChains = 100;

  // Errors: a feature or output that the plan does not have or that is none; more than kMaxChains
  // different chains. `layouts` are the plan's, for graphs that may still have another.
  static absl::StatusOr<std::unique_ptr<const ArcTables>> Build(
      const GraphPlan& plan, const std::vector<PortWiring>& ports,
      std::shared_ptr<const Layouts> layouts = nullptr);

  struct OneArc {
    // True if all ports share one chain without features: frames go to `direct` without an entry.
    bool trivial = true;
    NodeIndex direct;
    std::array<ChainId, kMaxPorts> chain_of;  // by port
    std::vector<NodeIndex> first;             // by chain: the node after the entry
    std::vector<std::vector<NodeIndex>>
        following;  // by node of the plan, then chain: the node after this feature
  };

  // The number of the plan that they are made for.
  uint64_t plan() const { return plan_; }
  // The worker's layout of that plan, for it to swap for its own.
  Layout& layout(WorkerId worker) const { return *(*layouts_)[worker.value()]; }
  const OneArc& arc(Arc arc) const { return arcs_[static_cast<size_t>(arc)]; }
  // Of the port that has the number now: two ports of one number never have the same. 0 of no port.
  uint32_t life(PortId port) const { return port.value() < kMaxPorts ? lives_[port.value()] : 0; }
  // The table of `feature` in the section of `port`; null if the port does not use it.
  const void* feature_config(NodeId feature, PortId port) const {
    return configs_[feature.value()][port.value()].get();
  }

 private:
  uint64_t plan_ = 0;
  std::shared_ptr<const Layouts> layouts_;
  std::array<OneArc, kArcs> arcs_;
  std::array<uint32_t, kMaxPorts> lives_{};
  std::vector<std::vector<std::shared_ptr<const void>>>
      configs_;  // by NodeId, then port; empty for other nodes
};

}  // namespace weft
