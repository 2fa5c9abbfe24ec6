// SPDX-License-Identifier: Apache-2.0
// Which device belongs to which port, and who polls its queues: an immutable snapshot that control
// publishes when the link of a NIC's port comes or goes. It shares ownership of the devices, so
// that the one of a deleted port runs until no dispatch uses it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/base/ids.h"
#include "nodes/nic/eth_device.h"

namespace weft::nic {

// One port as workers see it.
struct PortDevice {
  PortId port;
  std::vector<WorkerId> workers;  // who polls its receive queues, in their order; all may send
  uint32_t mtu = 0;               // bytes, without Ethernet header and VLAN tag
  std::shared_ptr<EthDevice> device;
};

// A receive queue to poll, and the port that it belongs to.
struct InputQueue {
  const PortDevice* nic = nullptr;
  uint16_t number = 0;
};

class NicTable {
 public:
  // Control. The ports are different and below kMaxPorts, the workers below kMaxWorkers.
  explicit NicTable(std::vector<PortDevice> ports) : ports_(std::move(ports)) {
    for (const PortDevice& port : ports_) {
      by_port_[port.port.value()] = &port;
      for (uint16_t queue = 0; queue < port.workers.size(); ++queue) {
        inputs_[port.workers[queue].value()].push_back({&port, queue});
      }
    }
  }
  NicTable(const NicTable&) = delete;
  NicTable& operator=(const NicTable&) = delete;

  // Null if `port` is no NIC's, or has no link.
  const PortDevice* Find(PortId port) const {
    return port.value() < kMaxPorts ? by_port_[port.value()] : nullptr;
  }
  // What `worker` polls.
  std::span<const InputQueue> inputs(WorkerId worker) const { return inputs_[worker.value()]; }

 private:
  const std::vector<PortDevice> ports_;
  std::array<const PortDevice*, kMaxPorts> by_port_{};
  std::array<std::vector<InputQueue>, kMaxWorkers> inputs_;
};

}  // namespace weft::nic
