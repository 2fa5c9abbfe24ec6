// SPDX-License-Identifier: Apache-2.0
// The steps of a reload that change what is there; ports come and go in switch.cc.
#include <time.h>

#include "core/base/text.h"
#include "core/switch.h"

namespace weft {
namespace {

constexpr Time kLongestGrace = std::chrono::seconds(1);
constexpr timespec kGracePause{0, 50'000};

}  // namespace

absl::Status Switch::AddBridge(const BridgeConfig& config) {
  for (size_t i = 0; i < all_modules_.size(); ++i) {
    const absl::Status status = all_modules_[i]->AddBridge(config);
    if (status.ok()) continue;
    while (i-- > 0) all_modules_[i]->RemoveBridge(config.name);
    return status;
  }
  return absl::OkStatus();
}

absl::Status Switch::ChangeBridge(const BridgeConfig& config) {
  for (Module* module : all_modules_) {
    if (absl::Status status = module->ChangeBridge(config); !status.ok()) return status;
  }
  return absl::OkStatus();
}

void Switch::RemoveBridge(const std::string& name) {
  for (Module* module : all_modules_) module->RemoveBridge(name);
}

void Switch::LeaveBridge(const std::string& name) {
  const Port* const port = ports_.Find(name);
  if (port == nullptr) return;
  for (Module* module : all_modules_) {
    if (port->up) module->PortDown(port->id);
    module->RemovePort(port->id);
  }
}

absl::Status Switch::JoinBridge(const PortConfig& config) {
  Port* const port = ports_.Find(config.name);
  if (port == nullptr) return absl::NotFoundError(Cat("there is no port \"", config.name, "\""));
  // In place, for the backend keeps a reference; these are not its business.
  PortConfig& current = *port_configs_.at(config.name);
  current.bridge = config.bridge;
  current.mac = config.mac;
  current.mac_limit = config.mac_limit;
  for (size_t i = 0; i < all_modules_.size(); ++i) {
    const absl::Status status = all_modules_[i]->AddPort(port->id, current);
    if (status.ok()) continue;
    for (size_t k = 0; k <= i; ++k) all_modules_[k]->RemovePort(port->id);
    return absl::Status(status.code(), Cat("port \"", config.name, "\": ", MessageOf(status)));
  }
  port->bridge = config.bridge;
  if (port->up) {
    for (Module* module : all_modules_) module->PortUp(port->id);
  }
  return absl::OkStatus();
}

void Switch::SetWiring(Port& port, const PortConfig& config) {
  port.wiring.features.clear();
  for (const auto& [feature, table] : config.features)
    port.wiring.features.push_back({feature, table.object});
}

absl::Status Switch::SetFeatures(const PortConfig& config) {
  Port* const port = ports_.Find(config.name);
  if (port == nullptr) return absl::NotFoundError(Cat("there is no port \"", config.name, "\""));
  PortConfig& current = *port_configs_.at(config.name);
  SetWiring(*port, config);
  if (absl::Status status = Publish(); !status.ok()) {
    SetWiring(*port, current);
    return absl::Status(status.code(), Cat("port \"", config.name, "\": ", MessageOf(status)));
  }
  current.features = config.features;
  return absl::OkStatus();
}

absl::Status Switch::ResolveNames(const Config& config) {
  for (Module* module : all_modules_) {
    if (absl::Status status = module->Configured(config); !status.ok()) return status;
  }
  return absl::OkStatus();
}

void Switch::RetainNames(const Config& config) {
  for (Module* module : all_modules_) module->Retain(config);
}

void Switch::Settle() {
  const Time end = loop_.Now() + kLongestGrace;
  while (rcu_.Poll() != 0 && loop_.Now() < end) nanosleep(&kGracePause, nullptr);
}

// A port's settings may be of a plugin's types, and must not outlive port and plugin.
void Switch::Adopt(Config config) {
  config_ = std::move(config);
  config_.ports.clear();
}

Config Switch::Running() const {
  Config running = config_;
  running.plugins.load.clear();
  for (const auto& plugin : plugins_) running.plugins.load.push_back(plugin->info().name);
  running.ports.clear();
  for (const auto& port : ports_.ports()) running.ports.push_back(*port_configs_.at(port->name));
  return running;
}

}  // namespace weft
