// SPDX-License-Identifier: Apache-2.0
// How fast counters grow, from two answers to the same command. Used by weftctl's `watch`.
#pragma once

#include <cstdint>

#include "core/shell/reply.h"

namespace weft {

enum class RateColumns : uint8_t {
  kBeside,   // behind each counter its rate
  kInstead,  // in place of each counter its rate
};

// `now` with a column or field "NAME/s" for each counter NAME. Rows belong together when they agree
// in the cells before the first counter. A row that was not there, and a counter that was reset,
// have no rate.
Reply WithRates(const Reply& before, const Reply& now, double seconds, RateColumns where);

}  // namespace weft
