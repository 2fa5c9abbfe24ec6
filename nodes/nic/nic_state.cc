// SPDX-License-Identifier: Apache-2.0
#include "nodes/nic/nic_state.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace weft::nic {

void NicState::Connect(PortDevice port) {
  const PortId id = port.port;
  connected_.insert_or_assign(id, std::move(port));
  Publish();
}

void NicState::Disconnect(PortId port) {
  if (connected_.erase(port) != 0) Publish();
}

void NicState::Publish() {
  std::vector<PortDevice> ports;
  ports.reserve(connected_.size());
  for (const auto& [id, port] : connected_) ports.push_back(port);
  table_.Store(rcu_, std::make_unique<NicTable>(std::move(ports)));
}

bool NicState::InUse(const Device& device) const {
  const auto found = open_.find(device.name());
  return found != open_.end() && !found->second.expired();
}

absl::StatusOr<std::shared_ptr<EthDevice>> NicState::Open(const Device& device,
                                                          DeviceSettings settings,
                                                          EthDevice::OnEvent on_event) {
  settings.workers = std::max<uint16_t>(workers_, 1);
  absl::StatusOr<std::shared_ptr<EthDevice>> opened =
      EthDevice::Open(device, settings, pools_, std::move(on_event));
  if (opened.ok()) {
    std::erase_if(open_, [](const auto& entry) { return entry.second.expired(); });
    open_[device.name()] = *opened;
  }
  return opened;
}

}  // namespace weft::nic
