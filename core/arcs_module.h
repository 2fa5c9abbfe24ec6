// SPDX-License-Identifier: Apache-2.0
// Nodes that are core's own, as a module like any other: the entries of the two feature arcs, and
// those by which packets that were kept come back. Control thread.
#pragma once

#include <memory>

#include "core/graph/arc_entry.h"
#include "core/graph/held_nodes.h"
#include "core/module.h"

namespace weft {

class ArcsModule final : public Module {
 public:
  std::string_view name() const override { return "arcs"; }
  void Register(Registry& registry) override {
    registry.AddNode<ArcEntry<Arc::kPortInput>>(
        [](WorkerId) { return std::make_unique<ArcEntry<Arc::kPortInput>>(); });
    registry.AddNode<ArcEntry<Arc::kPortOutput>>(
        [](WorkerId) { return std::make_unique<ArcEntry<Arc::kPortOutput>>(); });
    registry.AddNode<HeldInput>([](WorkerId) { return std::make_unique<HeldInput>(); });
    registry.AddNode<HeldOutput>([](WorkerId) { return std::make_unique<HeldOutput>(); });
  }
};

}  // namespace weft
