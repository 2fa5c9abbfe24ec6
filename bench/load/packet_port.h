// SPDX-License-Identifier: Apache-2.0
// A kernel interface as a container's end, through packet sockets: for the Linux bridge, whose
// containers have a veth each. Needs CAP_NET_RAW in the network namespace of this process.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "bench/load/container.h"

namespace weft::load {

absl::StatusOr<std::unique_ptr<Port>> MakePacketPort(const std::string& interface,
                                                     const ContainerOptions& options);

}  // namespace weft::load
