// SPDX-License-Identifier: Apache-2.0
// Which NUMA node a device and a core are on, as sysfs says. A device's frames and rings lie in the
// memory of its node; a worker on another reaches them the long way. Control thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "nodes/nic/device.h"
#include "nodes/nic/preflight.h"

namespace weft::nic {

// Nothing if the system does not say.
std::optional<unsigned> NodeOfDevice(const SystemView& system, const Device& device);
std::optional<unsigned> NodeOfCore(const SystemView& system, uint16_t core);

// A sentence about the cores that are on another node than the device; empty if none is.
std::string FarCores(const SystemView& system, const Device& device,
                     std::span<const uint16_t> cores);

}  // namespace weft::nic
