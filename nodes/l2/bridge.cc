// SPDX-License-Identifier: Apache-2.0
#include "nodes/l2/bridge.h"

#include <chrono>
#include <random>

#include "core/base/text.h"

namespace weft::l2 {

uint64_t L2State::RandomSeed() {
  std::random_device source;
  return uint64_t{source()} << 32 | source();
}

L2State::L2State(Rcu& rcu) : L2State(rcu, Options{}) {}

L2State::L2State(Rcu& rcu, const Options& options)
    : rcu_(rcu),
      prefetch_(options.prefetch),
      shared_(std::make_shared<Shared>(options.capacity, options.seed)),
      table_(std::make_unique<const BridgeTable>()) {}

L2State::~L2State() = default;

void L2State::Publish() {
  for (std::vector<PortId>& members : next_.members_) members.clear();
  for (uint16_t i = 0; i < kMaxPorts; ++i) {
    const BridgePort& port = next_.ports_[i];
    if (port.bridge.valid() && port.up) next_.members_[port.bridge.value()].push_back(PortId(i));
  }
  table_.Store(rcu_, std::make_unique<const BridgeTable>(next_));
}

absl::StatusOr<BridgeId> L2State::AddBridge(std::string_view name, Seconds ageing) {
  if (name.empty()) return absl::InvalidArgumentError("a bridge needs a name");
  if (FindBridge(name).valid()) {
    return absl::AlreadyExistsError(Cat("bridge \"", name, "\" is there already"));
  }
  for (uint16_t i = 0; i < kMaxBridges; ++i) {
    if (!names_[i].empty() || shared_->retiring[i]) continue;
    names_[i] = name;
    fdb().SetAgeing(BridgeId(i), ageing);
    return BridgeId(i);
  }
  return absl::ResourceExhaustedError(Cat("bridge \"", name, "\" is one too many: there ",
                                          "is room for ", kMaxBridges,
                                          ", remove another one first"));
}

absl::Status L2State::RemoveBridge(BridgeId bridge) {
  if (!Exists(bridge)) return absl::NotFoundError("there is no such bridge");
  size_t ports = 0;
  for (const BridgePort& port : next_.ports_) ports += port.bridge == bridge;
  if (ports != 0) {
    return absl::FailedPreconditionError(Cat("bridge \"", bridge_name(bridge), "\" still has ",
                                             ports, ports == 1 ? " port" : " ports",
                                             ": remove them first"));
  }
  names_[bridge.value()].clear();
  shared_->retiring[bridge.value()] = true;
  rcu_.Defer([shared = shared_, bridge] {
    shared->fdb.FlushBridge(bridge, FlushScope::kEverything);
    shared->retiring[bridge.value()] = false;
  });
  return absl::OkStatus();
}

absl::Status L2State::SetAgeing(BridgeId bridge, Seconds ageing) {
  if (!Exists(bridge)) return absl::NotFoundError("there is no such bridge");
  fdb().SetAgeing(bridge, ageing);
  return absl::OkStatus();
}

BridgeId L2State::FindBridge(std::string_view name) const {
  if (name.empty()) return BridgeId();
  for (uint16_t i = 0; i < kMaxBridges; ++i) {
    if (names_[i] == name) return BridgeId(i);
  }
  return BridgeId();
}

const std::string& L2State::bridge_name(BridgeId bridge) const { return names_[bridge.value()]; }

absl::Status L2State::AddPort(PortId port, BridgeId bridge, const PortOptions& options) {
  if (port.value() >= kMaxPorts) {
    return absl::InvalidArgumentError(
        Cat("port number ", port.value(), " is not below ", kMaxPorts));
  }
  if (!Exists(bridge)) return absl::NotFoundError("there is no such bridge");
  if (IsMember(port)) {
    return absl::AlreadyExistsError(Cat(
        "the port is in bridge \"", bridge_name(next_.ports_[port.value()].bridge), "\" already"));
  }
  if (options.mac) {
    const absl::Status status = fdb().AddStatic(bridge, *options.mac, port);
    if (!status.ok()) return status;
  }
  next_.ports_[port.value()] = {
      .bridge = bridge,
      .learning = options.learning,
      .mac_limit = options.mac_limit.value_or(options.mac ? 0 : kDefaultMacLimit)};
  Publish();
  return absl::OkStatus();
}

// Removes what a port has learned: now, and what workers that still see the old table learn until
// they see the new one.
void L2State::ForgetPort(PortId port) {
  fdb().ForgetMoves(port);
  fdb().FlushPort(port, FlushScope::kLearned);
  rcu_.Defer([shared = shared_, port] { shared->fdb.FlushPort(port, FlushScope::kLearned); });
}

void L2State::RemovePort(PortId port) {
  if (!IsMember(port)) return;
  next_.ports_[port.value()] = BridgePort();
  Publish();
  fdb().FlushPort(port, FlushScope::kEverything);
  ForgetPort(port);
}

void L2State::SetUp(PortId port, bool up) {
  if (next_.ports_[port.value()].up == up) return;
  next_.ports_[port.value()].up = up;
  Publish();
}

void L2State::PortUp(PortId port) {
  if (IsMember(port)) SetUp(port, true);
}

void L2State::PortDown(PortId port) {
  if (!IsMember(port)) return;
  SetUp(port, false);
  ForgetPort(port);
}

absl::Status L2State::AddStatic(BridgeId bridge, const MacAddress& mac, PortId port) {
  if (!Exists(bridge)) return absl::NotFoundError("there is no such bridge");
  if (!IsMember(port) || next_.ports_[port.value()].bridge != bridge) {
    return absl::FailedPreconditionError(Cat("the port of static address ", mac.ToString(),
                                             " is not in bridge \"", bridge_name(bridge), "\""));
  }
  return fdb().AddStatic(bridge, mac, port);
}

absl::Status L2State::RemoveStatic(BridgeId bridge, const MacAddress& mac) {
  if (!Exists(bridge)) return absl::NotFoundError("there is no such bridge");
  return fdb().RemoveStatic(bridge, mac);
}

void L2State::Tick(Time now) {
  const Seconds seconds =
      static_cast<Seconds>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
  now_.store(seconds, std::memory_order_relaxed);
  fdb().Age(seconds);
}

}  // namespace weft::l2
