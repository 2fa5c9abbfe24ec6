// SPDX-License-Identifier: Apache-2.0
// Which rings belong to which port, and who polls them: an immutable snapshot that control
// publishes when a vhost port comes, goes or moves to another worker. It shares ownership of the
// queues, so that those of a deleted port live until no dispatch uses them. Whether a ring runs is
// not said here but by its Queue.
//
//   Published<VhostTable> table;                       // control's, one for all workers
//   table.Store(rcu, std::make_unique<VhostTable>(std::move(all_ports)));
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/base/ids.h"
#include "nodes/vhost/queue.h"

namespace weft::vhost {

// Two rings of a port. Neither queue is null.
struct QueuePair {
  WorkerId worker;  // the one that polls `to_switch`
  std::shared_ptr<Queue> to_switch;
  std::shared_ptr<Queue> to_guest;
};

// One port as workers see it.
struct PortRings {
  PortId port;
  uint32_t mtu = 0;               // bytes, without Ethernet header and VLAN tag
  std::vector<QueuePair> queues;  // at least one, at most kMaxQueuePairs

  // The receive ring that `worker` writes: one of those that run, always the same as long as those
  // are the same. A flow comes in on one ring, so one worker has all of it, and its frames keep
  // their order; with as many rings as workers each has one to itself. Null if none runs.
  Queue* ToGuest(WorkerId worker) const {
    if (queues.size() == 1) [[likely]]
      return queues[0].to_guest->Running() != nullptr ? queues[0].to_guest.get() : nullptr;
    std::array<Queue*, kMaxQueuePairs> running;
    size_t count = 0;
    for (const QueuePair& pair : queues) {
      if (pair.to_guest->Running() != nullptr) running[count++] = pair.to_guest.get();
    }
    return count == 0 ? nullptr : running[worker.value() % count];
  }
};

// A ring to poll, and the port that it belongs to.
struct InputRing {
  const PortRings* port = nullptr;
  Queue* queue = nullptr;
};

class VhostTable {
 public:
  // Control. The ports are different and below kMaxPorts, the workers below kMaxWorkers.
  explicit VhostTable(std::vector<PortRings> ports) : ports_(std::move(ports)) {
    for (const PortRings& port : ports_) {
      by_port_[port.port.value()] = &port;
      for (const QueuePair& pair : port.queues) {
        inputs_[pair.worker.value()].push_back({&port, pair.to_switch.get()});
      }
    }
  }
  VhostTable(const VhostTable&) = delete;
  VhostTable& operator=(const VhostTable&) = delete;

  // Null if `port` is none of vhost's.
  const PortRings* Find(PortId port) const {
    return port.value() < kMaxPorts ? by_port_[port.value()] : nullptr;
  }
  // What `worker` polls.
  std::span<const InputRing> inputs(WorkerId worker) const { return inputs_[worker.value()]; }

 private:
  const std::vector<PortRings> ports_;
  std::array<const PortRings*, kMaxPorts> by_port_{};
  std::array<std::vector<InputRing>, kMaxWorkers> inputs_;
};

// A ring that a dispatch has worked on, with the view that it used: what is published at its end
// goes where it was written, even if control has published another view since.
struct UsedRing {
  Queue* queue = nullptr;
  const RingView* view = nullptr;
};

}  // namespace weft::vhost
