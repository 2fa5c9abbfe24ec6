// SPDX-License-Identifier: Apache-2.0
// A container with a pair of packed rings (virtio 1.2 §2.8) that it drives as fast as a driver can.
// Buffers may come back in any order, or, with RingKind::kPackedInOrder, many by one used
// descriptor.
#pragma once

#include "absl/status/statusor.h"
#include "bench/load/ring_port.h"

namespace weft::load {

absl::StatusOr<AttachedPort> MakePackedPort(const ContainerOptions& options);

}  // namespace weft::load
