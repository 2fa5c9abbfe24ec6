// SPDX-License-Identifier: Apache-2.0
// MemifTable: which rings belong to which port of memif's, as workers see it.
#pragma once

#include "core/sdk/tenant.h"
#include "plugins/memif/queue.h"

namespace weft::memif {

using QueuePair = weft::QueuePair<Queue>;
using PortRings = weft::PortRings<Queue>;
using InputRing = weft::InputRing<Queue>;
using MemifTable = weft::PortRingsTable<Queue>;

// A ring that a dispatch has worked on, with the view that it used: what is published at its end
// goes where it was written, even if control has published another view since.
struct UsedRing {
  Queue* queue = nullptr;
  const RingView* view = nullptr;
};

}  // namespace weft::memif
