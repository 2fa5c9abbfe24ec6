// SPDX-License-Identifier: Apache-2.0
// What the room's ports and nodes share. NicModule owns it; ports change it on the control thread,
// workers load table().
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "core/base/ids.h"
#include "core/base/rcu.h"
#include "nodes/nic/nic_table.h"
#include "nodes/nic/preflight.h"

namespace weft::nic {

class NicState {
 public:
  explicit NicState(Rcu& rcu, SystemView system = {}) : rcu_(rcu), system_(std::move(system)) {}

  const Published<NicTable>& table() const { return table_; }
  const SystemView& system() const { return system_; }

  // Frames of this port flow from now on; it replaces what was said of the port before.
  void Connect(PortDevice port);
  // Or no longer. Does nothing if they did not.
  void Disconnect(PortId port);

  // Whether a former port's device of that name still waits for the workers to let go.
  bool InUse(const Device& device) const;
  // EthDevice::Open, for the workers that there are. Requires that it is not in use.
  absl::StatusOr<std::shared_ptr<EthDevice>> Open(const Device& device, DeviceSettings settings,
                                                  EthDevice::OnEvent on_event);

  // The devices' pools.
  const MbufPools& pools() const { return *pools_; }

  // There is one more worker, and it has a NicOutput.
  void AddWorker() { ++workers_; }

 private:
  void Publish();

  Rcu& rcu_;
  const SystemView system_;
  const std::shared_ptr<MbufPools> pools_ = std::make_shared<MbufPools>();
  std::map<PortId, PortDevice> connected_;
  std::map<std::string, std::weak_ptr<EthDevice>> open_;  // by Device::name()
  uint16_t workers_ = 0;
  Published<NicTable> table_;
};

}  // namespace weft::nic
