// SPDX-License-Identifier: Apache-2.0
// The entries of the two feature arcs, as a module like any other. Control thread.
#pragma once

#include <memory>

#include "core/graph/arc_entry.h"
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
  }
};

}  // namespace weft
