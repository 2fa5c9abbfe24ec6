// SPDX-License-Identifier: Apache-2.0
// Which interface belongs to which port, and who receives from its queues: an immutable snapshot
// that control publishes when the link of such a port comes or goes. It shares ownership of what
// its queues are in, so that those of a deleted port stay until no dispatch uses them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/sdk/weft.h"
#include "plugins/af_xdp/xdp_queue.h"

namespace weft::af_xdp {

// One port as workers see it.
struct PortQueues {
  PortId port;
  std::vector<WorkerId> workers;  // who receives from each queue; all may send
  uint32_t mtu = 0;               // bytes, without Ethernet header and VLAN tag
  bool complete_checksums = true;
  std::vector<XdpQueue*> queues;      // as many as workers
  std::shared_ptr<const void> owner;  // of the queues

  // The queue that `worker` sends to, always the same: so a flow keeps its order.
  XdpQueue& transmit_queue(WorkerId worker) const {
    return *queues[worker.value() % queues.size()];
  }
};

// A queue to receive from, and the port that it belongs to.
struct InputQueue {
  const PortQueues* port = nullptr;
  XdpQueue* queue = nullptr;
};

class PortsTable {
 public:
  // Control. The ports are different and below kMaxPorts, the workers below kMaxWorkers.
  explicit PortsTable(std::vector<PortQueues> ports) : ports_(std::move(ports)) {
    for (const PortQueues& port : ports_) {
      by_port_[port.port.value()] = &port;
      for (size_t i = 0; i < port.queues.size(); ++i) {
        inputs_[port.workers[i].value()].push_back({&port, port.queues[i]});
      }
    }
  }
  PortsTable(const PortsTable&) = delete;
  PortsTable& operator=(const PortsTable&) = delete;

  // Null if `port` is none of this kind, or has no link.
  const PortQueues* Find(PortId port) const {
    return port.value() < kMaxPorts ? by_port_[port.value()] : nullptr;
  }
  // What `worker` polls.
  std::span<const InputQueue> inputs(WorkerId worker) const { return inputs_[worker.value()]; }

 private:
  const std::vector<PortQueues> ports_;
  std::array<const PortQueues*, kMaxPorts> by_port_{};
  std::array<std::vector<InputQueue>, kMaxWorkers> inputs_;
};

}  // namespace weft::af_xdp
