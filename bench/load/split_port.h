// SPDX-License-Identifier: Apache-2.0
// A container with a pair of split rings (virtio 1.2 §2.7) that it drives as fast as a driver can:
// one descriptor a frame, buffers that stay where they are, and one load and one store of an index
// for a burst.
//
// Unless frames are verified, head i always stands at position i: the switch must then return
// buffers in the order in which it got them, and is told off if it does not.
#pragma once

#include "absl/status/statusor.h"
#include "bench/load/ring_port.h"

namespace weft::load {

absl::StatusOr<AttachedPort> MakeSplitPort(const ContainerOptions& options);

}  // namespace weft::load
