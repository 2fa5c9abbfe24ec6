// SPDX-License-Identifier: Apache-2.0
// VhostTable: which rings belong to which port of vhost's, as workers see it.
#pragma once

#include "core/tenant/port_rings.h"
#include "nodes/vhost/queue.h"

namespace weft::vhost {

using QueuePair = weft::QueuePair<Queue>;
using PortRings = weft::PortRings<Queue>;
using InputRing = weft::InputRing<Queue>;
using VhostTable = weft::PortRingsTable<Queue>;

// A ring that a dispatch has worked on, with the view that it used: what is published at its end
// goes where it was written, even if control has published another view since.
struct UsedRing {
  Queue* queue = nullptr;
  const RingView* view = nullptr;
};

}  // namespace weft::vhost
