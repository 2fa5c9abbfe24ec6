// SPDX-License-Identifier: Apache-2.0
// Where an arc of the graph leads, for who puts packets into the middle of it (Graph::Enter).
// Control makes it (core/port/arcs.h); plans come and go meanwhile, and a plugin with them, so
// nodes have the numbers of their names. A value; any thread.
#pragma once

#include <cstdint>

#include "core/graph/frame.h"

namespace weft {

struct ArcTarget {
  enum class Way : uint8_t {
    kArc,      // the beginning of a feature arc
    kFeature,  // one feature of such an arc, and what comes after it
    kNode      // any other node
  };

  Way way = Way::kArc;
  Arc arc = Arc::kPortInput;  // for kArc and kFeature
  uint16_t node = 0;          // the node's; for kArc the entry's
};

}  // namespace weft
