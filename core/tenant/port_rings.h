// SPDX-License-Identifier: Apache-2.0
// Which rings belong to which port, and who polls them: an immutable snapshot that control
// publishes when a port comes, goes or moves to another worker. It shares ownership of the queues,
// so that those of a deleted port live until no dispatch uses them. Whether a ring runs is not said
// here but by its Queue, which is the protocol's own and tells by Running(): null if it does not.
//
//   using MemifTable = PortRingsTable<Queue>;
//   Published<MemifTable> table;                       // control's, one for all workers
//   table.Store(rcu, std::make_unique<MemifTable>(std::move(all_ports)));
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/base/ids.h"

namespace weft {

inline constexpr size_t kMaxQueuePairs = 8;  // a port

// Two rings of a port. Neither queue is null.
template <typename Queue>
struct QueuePair {
  WorkerId worker;  // the one that polls `to_switch`
  std::shared_ptr<Queue> to_switch;
  std::shared_ptr<Queue> to_peer;
};

// One port as workers see it.
template <typename Queue>
struct PortRings {
  PortId port;
  uint32_t mtu = 0;                      // bytes, without Ethernet header and VLAN tag
  std::vector<QueuePair<Queue>> queues;  // at least one, at most kMaxQueuePairs

  // The ring to the peer that `worker` writes: one of those that run, always the same as long as
  // those are the same. A flow comes in on one ring, so one worker has all of it, and its frames
  // keep their order; with as many rings as workers each has one to itself. Null if none runs.
  Queue* ToPeer(WorkerId worker) const {
    if (queues.size() == 1) [[likely]]
      return queues[0].to_peer->Running() != nullptr ? queues[0].to_peer.get() : nullptr;
    std::array<Queue*, kMaxQueuePairs> running;
    size_t count = 0;
    for (const QueuePair<Queue>& pair : queues) {
      if (pair.to_peer->Running() != nullptr) running[count++] = pair.to_peer.get();
    }
    return count == 0 ? nullptr : running[worker.value() % count];
  }
};

// A ring to poll, and the port that it belongs to.
template <typename Queue>
struct InputRing {
  const PortRings<Queue>* port = nullptr;
  Queue* queue = nullptr;
};

template <typename Queue>
class PortRingsTable {
 public:
  // Control. The ports are different and below kMaxPorts, the workers below kMaxWorkers.
  explicit PortRingsTable(std::vector<PortRings<Queue>> ports) : ports_(std::move(ports)) {
    for (const PortRings<Queue>& port : ports_) {
      by_port_[port.port.value()] = &port;
      for (const QueuePair<Queue>& pair : port.queues) {
        inputs_[pair.worker.value()].push_back({&port, pair.to_switch.get()});
      }
    }
  }
  PortRingsTable(const PortRingsTable&) = delete;
  PortRingsTable& operator=(const PortRingsTable&) = delete;

  // Null if `port` is none of this protocol's.
  const PortRings<Queue>* Find(PortId port) const {
    return port.value() < kMaxPorts ? by_port_[port.value()] : nullptr;
  }
  // What `worker` polls.
  std::span<const InputRing<Queue>> inputs(WorkerId worker) const {
    return inputs_[worker.value()];
  }

 private:
  const std::vector<PortRings<Queue>> ports_;
  std::array<const PortRings<Queue>*, kMaxPorts> by_port_{};
  std::array<std::vector<InputRing<Queue>>, kMaxWorkers> inputs_;
};

}  // namespace weft
