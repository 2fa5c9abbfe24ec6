// SPDX-License-Identifier: Apache-2.0
#include "plugins/af_xdp/af_xdp_state.h"

#include <vector>

namespace weft::af_xdp {

void AfXdpState::Connect(PortQueues port) {
  const PortId id = port.port;
  connected_.insert_or_assign(id, std::move(port));
  Publish();
}

void AfXdpState::Disconnect(PortId port) {
  if (connected_.erase(port) != 0) Publish();
}

void AfXdpState::Publish() {
  std::vector<PortQueues> ports;
  ports.reserve(connected_.size());
  for (const auto& [id, port] : connected_) ports.push_back(port);
  table_.Store(rcu_, std::make_unique<PortsTable>(std::move(ports)));
}

bool AfXdpState::InUse(const Key& interface) const {
  const auto found = opened_.find(interface);
  return found != opened_.end() && !found->second.expired();
}

void AfXdpState::SetOpened(const Key& interface, std::weak_ptr<const void> opened) {
  std::erase_if(opened_, [](const auto& entry) { return entry.second.expired(); });
  opened_[interface] = std::move(opened);
}

}  // namespace weft::af_xdp
