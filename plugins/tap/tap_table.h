// SPDX-License-Identifier: Apache-2.0
// Which TAP belongs to which port, and who polls its queues: an immutable snapshot that control
// publishes when a TAP comes or goes. It shares ownership of the TAPs, so that one of a deleted
// port stays open until no dispatch uses it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/sdk/weft.h"
#include "plugins/tap/tap_device.h"

namespace weft::tap {

// One port as workers see it.
struct PortTap {
  PortId port;
  std::vector<WorkerId> workers;  // who reads its queues, in their order; all may write
  uint32_t mtu = 0;               // bytes, without Ethernet header and VLAN tag
  std::shared_ptr<TapDevice> device;
};

// A queue to read, and the port that it belongs to.
struct InputQueue {
  const PortTap* tap = nullptr;
  uint16_t number = 0;
};

class TapTable {
 public:
  // Control. The ports are different and below kMaxPorts, the workers below kMaxWorkers.
  explicit TapTable(std::vector<PortTap> ports) : ports_(std::move(ports)) {
    for (const PortTap& port : ports_) {
      by_port_[port.port.value()] = &port;
      for (uint16_t queue = 0; queue < port.workers.size(); ++queue) {
        inputs_[port.workers[queue].value()].push_back({&port, queue});
      }
    }
  }
  TapTable(const TapTable&) = delete;
  TapTable& operator=(const TapTable&) = delete;

  // Null if `port` has no TAP.
  const PortTap* Find(PortId port) const {
    return port.value() < kMaxPorts ? by_port_[port.value()] : nullptr;
  }
  // What `worker` polls.
  std::span<const InputQueue> inputs(WorkerId worker) const { return inputs_[worker.value()]; }

 private:
  const std::vector<PortTap> ports_;
  std::array<const PortTap*, kMaxPorts> by_port_{};
  std::array<std::vector<InputQueue>, kMaxWorkers> inputs_;
};

// What the plugin's ports and nodes share. Its module owns it; ports change it on the control
// thread, workers load table().
class TapState {
 public:
  explicit TapState(Rcu& rcu) : rcu_(rcu) {}

  const Published<TapTable>& table() const { return table_; }

  // Frames of this port flow from now on.
  void Connect(PortTap port) {
    const PortId id = port.port;
    connected_.insert_or_assign(id, std::move(port));
    Publish();
  }
  // Or no longer. Does nothing if they did not.
  void Disconnect(PortId port) {
    if (connected_.erase(port) != 0) Publish();
  }

 private:
  void Publish() {
    std::vector<PortTap> ports;
    ports.reserve(connected_.size());
    for (const auto& [id, port] : connected_) ports.push_back(port);
    table_.Store(rcu_, std::make_unique<TapTable>(std::move(ports)));
  }

  Rcu& rcu_;
  std::map<PortId, PortTap> connected_;
  Published<TapTable> table_;
};

}  // namespace weft::tap
