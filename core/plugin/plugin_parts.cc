// SPDX-License-Identifier: Apache-2.0
#include "core/plugin/plugin_parts.h"

#include <utility>

namespace weft {
NodeClass PluginParts::Guarded(const NodeClass& node, const std::string& plugin) {
  guards.push_back(std::make_shared<GuardState>());
  GuardState& state = *guards.back();
  state.plugin = plugin;
  state.node = node.spec.name;
  state.delivers = node.kind == NodeKind::kOutput;

  NodeClass guarded = node;
  labels_.push_back(std::make_unique<std::vector<LabelText>>(node.drops.begin(), node.drops.end()));
  labels_.back()->push_back(
      {"plugin-fault", "the plugin broke a rule, and this is what is done then; see show plugins"});
  guarded.drops = *labels_.back();
  guarded.make = [make = node.make, shared = guards.back()](WorkerId worker) {
    return std::make_unique<Guard>(make(worker), shared);
  };
  if (!guarded.make_dry) guarded.make_dry = node.make;
  return guarded;
}

void PluginParts::Obey(const PluginsConfig& config) const {
  for (const auto& state : guards) {
    state->on_fault = config.OnFaultOf(state->plugin);
    state->cycles_per_packet = config.packet_cycles;
    state->cycles_per_frame = config.frame_cycles;
  }
}

}  // namespace weft
