// SPDX-License-Identifier: Apache-2.0
// One DPDK device as startup.conf names it: a PCI address ("0000:3b:00.1", "3b:00.1"), or a virtual
// device by driver and number ("net_af_packet0"); after a comma what its driver wants to know.
// Nothing here asks DPDK or the system. Control thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace weft::nic {

class Device {
 public:
  // InvalidArgument, as half a sentence, for what can name no device.
  static absl::StatusOr<Device> Parse(std::string_view text);

  // "0000:3b:00.1", always with its domain and in lower case, or "net_af_packet0". DPDK's name of
  // the ethdev too.
  const std::string& name() const { return name_; }
  bool is_pci() const { return is_pci_; }
  // True of a virtual device whose driver is called `driver`: Is("net_tap") of "net_tap0".
  bool Is(std::string_view driver) const { return !is_pci_ && name_.starts_with(driver); }
  // The value of the driver's argument `key`; empty if it is not there.
  std::string_view Argument(std::string_view key) const;
  // The interface of the kernel that this device shares with it; empty if there is none.
  std::string_view KernelInterface() const;
  // The argument by which the driver is told its number of queues; empty if it needs none.
  std::string_view QueueArgument() const;
  // Name and arguments, as DPDK reads them.
  std::string ToString() const;

  // Whether both would be the same thing: the same name, or the same kernel interface twice.
  bool SameAs(const Device& other) const;

 private:
  std::string name_;
  bool is_pci_ = false;
  std::vector<std::pair<std::string, std::string>> arguments_;  // in their order
};

}  // namespace weft::nic
