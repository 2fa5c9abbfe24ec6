// SPDX-License-Identifier: Apache-2.0
// The other end of a switch's net_memif device: what comes in by its NIC is what this port sends.
#pragma once

#include "absl/status/statusor.h"
#include "bench/load/ring_port.h"

namespace weft::load {

// options.socket is where the device listens.
absl::StatusOr<AttachedPort> MakeMemifPort(const ContainerOptions& options);

}  // namespace weft::load
