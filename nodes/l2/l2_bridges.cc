// SPDX-License-Identifier: Apache-2.0
#include "nodes/l2/l2_bridges.h"

#include "core/base/text.h"

namespace weft::l2 {

class L2Bridges::Handle final : public StaticAddress {
 public:
  Handle(std::shared_ptr<Added> added, Key key, uint64_t life)
      : added_(std::move(added)), key_(key), life_(life) {}
  ~Handle() override {
    if (added_->bridges != nullptr) added_->bridges->Release(key_, life_);
  }

 private:
  const std::shared_ptr<Added> added_;
  const Key key_;
  const uint64_t life_;
};

PortId L2Bridges::Lookup(PortId port, const MacAddress& mac) const {
  if (port.value() >= kMaxPorts) return PortId();
  const BridgeId bridge = state_.table().port(port).bridge;
  return bridge.valid() ? state_.fdb().Lookup(FdbKey(bridge, mac)) : PortId();
}

std::vector<std::string> L2Bridges::Names() const {
  std::vector<std::string> names;
  for (uint16_t number = 0; number < kMaxBridges; ++number) {
    const std::string& name = state_.bridge_name(BridgeId(number));
    if (!name.empty()) names.push_back(name);
  }
  return names;
}

std::string L2Bridges::BridgeOf(PortId port) const {
  if (port.value() >= kMaxPorts) return "";
  const BridgeId bridge = state_.table().port(port).bridge;
  return bridge.valid() ? state_.bridge_name(bridge) : "";
}

GroupId L2Bridges::GroupOf(PortId port) const {
  if (port.value() >= kMaxPorts) return GroupId();
  const BridgeId bridge = state_.table().port(port).bridge;
  return bridge.valid() ? GroupId(bridge.value()) : GroupId();
}

std::vector<PortId> L2Bridges::PortsOf(std::string_view bridge) const {
  const BridgeId wanted = state_.FindBridge(bridge);
  std::vector<PortId> ports;
  for (const auto& port : ports_.ports()) {
    if (wanted.valid() && state_.table().port(port->id).bridge == wanted) ports.push_back(port->id);
  }
  return ports;
}

std::vector<BridgeAddress> L2Bridges::AddressesOf(std::string_view bridge) const {
  const BridgeId wanted = state_.FindBridge(bridge);
  std::vector<BridgeAddress> addresses;
  if (!wanted.valid()) return addresses;
  for (const FdbEntry& entry : state_.Entries()) {
    if (entry.bridge != wanted) continue;
    addresses.push_back({.bridge = std::string(bridge),
                         .mac = entry.mac,
                         .port = entry.port,
                         .is_static = entry.is_static,
                         .age = entry.age});
  }
  return addresses;
}

absl::StatusOr<std::unique_ptr<StaticAddress>> L2Bridges::AddStatic(PortId port,
                                                                    const MacAddress& mac) {
  if (BridgeOf(port).empty())
    return absl::FailedPreconditionError(Cat(ports_.NameOf(port), " is in no bridge"));
  const BridgeId bridge = state_.table().port(port).bridge;
  if (absl::Status status = state_.AddStatic(bridge, mac, port); !status.ok()) return status;
  const Key key(port, mac);
  Added::Owners& owners = added_->owners[key];
  if (owners.count++ == 0) owners.life = ++added_->last_life;
  return std::make_unique<Handle>(added_, key, owners.life);
}

void L2Bridges::Release(const Key& key, uint64_t life) {
  const auto found = added_->owners.find(key);
  if (found == added_->owners.end() || found->second.life != life || --found->second.count != 0)
    return;
  added_->owners.erase(found);
  const auto& [port, mac] = key;
  if (!configured_(port, mac))
    state_.RemoveStatic(state_.table().port(port).bridge, mac).IgnoreError();  // it is there
}

void L2Bridges::RemovePort(PortId port) {
  std::erase_if(added_->owners, [port](const auto& owner) { return owner.first.first == port; });
}

}  // namespace weft::l2
