// SPDX-License-Identifier: Apache-2.0
// What only the whole file shows: names that clash or point nowhere, addresses owned twice. Part
// of reader.cc, apart for size. Control thread.
#pragma once

#include <vector>

#include "core/config/config.h"
#include "core/config/errors.h"
#include "core/config/value.h"

namespace weft {

// Where the bridges and ports of a Config came from, in the same order.
struct ConfigSources {
  struct Source {
    const Value* table;
    Place place;
  };
  std::vector<Source> bridges;
  std::vector<Source> ports;
};

void CheckConfig(const Config& config, const ConfigSources& sources);

}  // namespace weft
