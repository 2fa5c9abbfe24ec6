// SPDX-License-Identifier: Apache-2.0
// Which rings belong to which port, and who polls them: an immutable snapshot that control
// publishes when a port comes or goes. It shares ownership of the queues, so that those of a
// deleted port live until no dispatch uses them. Whether a ring runs is not said here but by its
// Queue.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "plugins/memif/queue.h"

namespace weft::memif {

// Two rings of a port. Neither queue is null.
struct QueuePair {
  WorkerId worker;  // the one that polls `to_switch`
  std::shared_ptr<Queue> to_switch;
  std::shared_ptr<Queue> to_peer;
};

// One port as workers see it.
struct PortRings {
  PortId port;
  uint32_t mtu = 0;               // bytes, without Ethernet header and VLAN tag
  std::vector<QueuePair> queues;  // at least one, at most kMaxQueuePairs

  // The ring that `worker` writes: one of those that run, always the same as long as those are the
  // same. A flow comes in on one ring, so one worker has all of it, and its frames keep their
  // order. Null if none runs.
  Queue* ToPeer(WorkerId worker) const {
    std::array<Queue*, kMaxQueuePairs> running;
    size_t count = 0;
    for (const QueuePair& pair : queues) {
      if (pair.to_peer->Running() != nullptr) running[count++] = pair.to_peer.get();
    }
    return count == 0 ? nullptr : running[worker.value() % count];
  }
};

// A ring to poll, and the port that it belongs to.
struct InputRing {
  const PortRings* port = nullptr;
  Queue* queue = nullptr;
};

class MemifTable {
 public:
  // Control. The ports are different and below kMaxPorts, the workers below kMaxWorkers.
  explicit MemifTable(std::vector<PortRings> ports) : ports_(std::move(ports)) {
    for (const PortRings& port : ports_) {
      by_port_[port.port.value()] = &port;
      for (const QueuePair& pair : port.queues) {
        inputs_[pair.worker.value()].push_back({&port, pair.to_switch.get()});
      }
    }
  }
  MemifTable(const MemifTable&) = delete;
  MemifTable& operator=(const MemifTable&) = delete;

  // Null if `port` is none of memif's.
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

}  // namespace weft::memif
