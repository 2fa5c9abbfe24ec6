// SPDX-License-Identifier: Apache-2.0
// `why PORT`: what keeps a port from working well, in sentences, the most likely first. It looks at
// what is known already: states, counters, rates, the bridge. Control thread.
#pragma once

#include <vector>

#include "core/port/port.h"
#include "core/port/port_table.h"
#include "core/switch.h"

namespace weft {

// At least one: that nothing is wrong is a finding too.
std::vector<Finding> Diagnose(const Switch& s, const Port& port);

}  // namespace weft
