// SPDX-License-Identifier: Apache-2.0
// How long a cache line takes from one core to another and back. Virtual machines have more than
// one answer, and change it: a comparison across a change compares nothing.
#pragma once

#include <cstdint>

namespace weft::load {

// The median, in TSC ticks, of many round trips between the cores.
uint64_t RoundTrip(int core, int other_core);

}  // namespace weft::load
