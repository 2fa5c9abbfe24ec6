// SPDX-License-Identifier: Apache-2.0
#include "core/port/arcs.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/graph/graph_plan.h"

namespace weft {
namespace {

// Inputs take no packets of others; what brings packets back that were kept takes those alone.
bool TakesPackets(const NodeClass& node) {
  return node.kind != NodeKind::kInput && !node.spec.returns_kept;
}

const PortWiring* WiringOf(const PortTable& ports, PortId id) {
  for (const auto& port : ports.ports()) {
    if (port->id == id) return &port->wiring;
  }
  return nullptr;
}

bool Uses(const PortWiring& wiring, std::string_view feature) {
  return std::any_of(wiring.features.begin(), wiring.features.end(),
                     [&](const PortWiring::FeatureUse& use) { return use.node == feature; });
}

}  // namespace

std::vector<std::string_view> Arcs::Names() const {
  std::vector<std::string_view> names;
  for (const NodeClass& node : catalog_.nodes()) {
    if (TakesPackets(node)) names.push_back(node.spec.name);
  }
  return names;
}

absl::StatusOr<Arcs::Found> Arcs::Find(std::string_view name, PortId port) const {
  const NodeClass* const node = catalog_.Find(name);
  if (node == nullptr || !TakesPackets(*node)) {
    return absl::NotFoundError(
        Cat("there is no arc \"", name, "\" (there are: ", Join(Names()), ")"));
  }
  Found found;
  found.target.node = node->name_number;
  const bool out = node->spec.arc == ArcName(Arc::kPortOutput) || name == ArcName(Arc::kPortOutput);
  found.target.arc = out ? Arc::kPortOutput : Arc::kPortInput;
  if (node->kind == NodeKind::kArcEntry) {
    found.target.way = ArcTarget::Way::kArc;
  } else {
    found.target.way =
        node->kind == NodeKind::kFeature ? ArcTarget::Way::kFeature : ArcTarget::Way::kNode;
  }
  if (node->spec.arc.empty() && node->kind != NodeKind::kArcEntry) {
    found.needs = Needs::kDecision;
    return found;
  }
  found.needs = out ? Needs::kOutPort : Needs::kInPort;
  const PortWiring* const wiring = WiringOf(ports_, port);
  const std::string who = Cat("port \"", ports_.NameOf(port), "\" ");
  if (found.target.way == ArcTarget::Way::kFeature && (wiring == nullptr || !Uses(*wiring, name)))
    return absl::FailedPreconditionError(Cat(who, "has no feature \"", name, "\""));
  if (node->kind == NodeKind::kOutput && (wiring == nullptr || wiring->output != name)) {
    return absl::FailedPreconditionError(Cat(
        who, "leaves by ", wiring == nullptr ? "no node" : wiring->output, ", and not by ", name));
  }
  return found;
}

}  // namespace weft
