// SPDX-License-Identifier: Apache-2.0
// What the system says of a device before DPDK is asked: is it there, may we use it, and if not
// what is there and what to do. Reads sysfs and /proc, changes nothing. Control thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/sandbox/capabilities.h"
#include "nodes/nic/device.h"

namespace weft::nic {

// Where to look; tests look into a folder of their own.
struct SystemView {
  std::string sysfs = "/sys";
  std::string tun = "/dev/net/tun";
  std::optional<CapabilitySet>
      capabilities{};  // nothing: ask, for weftd gives some up as it starts
};

// What keeps `device` from being opened; OK if nothing is known to. Unavailable if it is only that
// the device is not there, so that it may come.
absl::Status Preflight(const Device& device, const SystemView& system);

// Whether frames can flow through the kernel's interface; else one phrase that says why not.
absl::Status Carrier(const SystemView& system, std::string_view interface);

// The number that the kernel gave this interface, another one each time it is made; 0 if there is
// none.
unsigned InterfaceIndex(const SystemView& system, std::string_view interface);

// What there is, sorted: the kernel's interfaces without "lo", and addresses of network devices on
// PCI.
std::vector<std::string> KernelInterfaces(const SystemView& system);
std::vector<std::string> NetworkPciDevices(const SystemView& system);
// " (there are: eth0, eth1)", or " (there are none)".
std::string ThereAre(const std::vector<std::string>& names);

}  // namespace weft::nic
