// SPDX-License-Identifier: Apache-2.0
#include "core/graph/arc_tables.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/base/text.h"

namespace weft {
namespace {

// A chain: its features in the arc's order, then the node where it ends.
using Chain = std::vector<NodeIndex>;

absl::StatusOr<Chain> ChainOf(const GraphPlan& plan, Arc arc, const PortWiring& wiring) {
  const PlanArc& planned = plan.arc(arc);
  Chain chain;
  for (const NodeIndex feature : planned.features) {
    const std::string_view name = plan.nodes()[feature.value()].node_class.spec.name;
    if (std::any_of(wiring.features.begin(), wiring.features.end(),
                    [&](const PortWiring::FeatureUse& use) { return use.node == name; })) {
      chain.push_back(feature);
    }
  }
  NodeIndex end = planned.ends.front();
  if (arc == Arc::kPortOutput) {
    end = plan.Find(wiring.output);
    if (std::find(planned.ends.begin(), planned.ends.end(), end) == planned.ends.end()) {
      return absl::InvalidArgumentError(Cat("\"", wiring.output, "\" is no output node"));
    }
  }
  chain.push_back(end);
  return chain;
}

absl::Status CheckFeatures(const GraphPlan& plan, const PortWiring& wiring) {
  for (const PortWiring::FeatureUse& use : wiring.features) {
    const NodeIndex index = plan.Find(use.node);
    if (!index.valid() || plan.nodes()[index.value()].node_class.kind != NodeKind::kFeature) {
      return absl::InvalidArgumentError(Cat("\"", use.node, "\" is no feature node"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<ArcTables::OneArc> BuildArc(const GraphPlan& plan, Arc arc,
                                           const std::vector<PortWiring>& ports) {
  ArcTables::OneArc table;
  table.chain_of.fill(ArcTables::kNoChain);
  std::map<Chain, ChainId> known;
  std::vector<Chain> chains;
  for (const PortWiring& wiring : ports) {
    absl::StatusOr<Chain> chain = ChainOf(plan, arc, wiring);
    if (!chain.ok()) return chain.status();
    auto [found, is_new] = known.try_emplace(*chain, ChainId(static_cast<uint8_t>(chains.size())));
    if (is_new) chains.push_back(*chain);
    if (chains.size() > ArcTables::kMaxChains) {
      return absl::ResourceExhaustedError(Cat("more than ", ArcTables::kMaxChains,
                                              " different lists of features on ", ArcName(arc)));
    }
    table.chain_of[wiring.port.value()] = found->second;
  }
  table.trivial = chains.empty() || (chains.size() == 1 && chains[0].size() == 1);
  table.direct = chains.empty() ? plan.arc(arc).ends.front() : chains[0].front();
  table.following.assign(plan.nodes().size(), {});
  for (const NodeIndex feature : plan.arc(arc).features) {
    table.following[feature.value()].assign(chains.size(), NodeIndex());
  }
  for (size_t c = 0; c < chains.size(); ++c) {
    table.first.push_back(chains[c].front());
    for (size_t i = 0; i + 1 < chains[c].size(); ++i)
      table.following[chains[c][i].value()][c] = chains[c][i + 1];
  }
  return table;
}

}  // namespace

absl::StatusOr<std::unique_ptr<const ArcTables>> ArcTables::Build(
    const GraphPlan& plan, const std::vector<PortWiring>& ports,
    std::shared_ptr<const Layouts> layouts) {
  auto tables = std::make_unique<ArcTables>();
  tables->plan_ = plan.number();
  tables->layouts_ = std::move(layouts);
  tables->configs_.resize(kMaxNodes);
  for (const PortWiring& wiring : ports) {
    if (absl::Status status = CheckFeatures(plan, wiring); !status.ok()) return status;
    tables->lives_[wiring.port.value()] = wiring.life;
    for (const PortWiring::FeatureUse& use : wiring.features) {
      const NodeId id = plan.nodes()[plan.Find(use.node).value()].node_class.id;
      auto& configs = tables->configs_[id.value()];
      configs.resize(kMaxPorts);
      configs[wiring.port.value()] = use.config;
    }
  }
  for (const Arc arc : {Arc::kPortInput, Arc::kPortOutput}) {
    absl::StatusOr<OneArc> built = BuildArc(plan, arc, ports);
    if (!built.ok()) return built.status();
    tables->arcs_[static_cast<size_t>(arc)] = *std::move(built);
  }
  return tables;
}

}  // namespace weft
