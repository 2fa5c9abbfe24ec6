// SPDX-License-Identifier: Apache-2.0
// Which cores this process may use, and pinning the calling thread to one.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weft {

// The cores that the calling thread may run on, in order.
std::vector<uint16_t> AvailableCores();

// The cores for workers: those asked for, or, if none were, the last available one, which leaves
// the first ones to the control thread. InvalidArgument names a core that is not there and those
// that are.
absl::StatusOr<std::vector<uint16_t>> ChooseCores(const std::vector<uint16_t>& asked,
                                                  const std::vector<uint16_t>& available);

// Moves the calling thread to these cores and no others.
void PinCallingThread(const std::vector<uint16_t>& cores);

}  // namespace weft
