// SPDX-License-Identifier: Apache-2.0
// What a count of Cycles() is in time. Control thread.
#pragma once

#include <rte_cycles.h>

#include <algorithm>
#include <cstdint>

namespace weft {

// TSC ticks a second; 1 where DPDK has not measured it, in a test without EAL, so that whoever
// divides by it divides by something.
inline uint64_t CyclesPerSecond() { return std::max<uint64_t>(rte_get_tsc_hz(), 1); }

inline double Seconds(uint64_t cycles) {
  return static_cast<double>(cycles) / static_cast<double>(CyclesPerSecond());
}

}  // namespace weft
