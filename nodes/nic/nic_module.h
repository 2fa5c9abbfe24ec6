// SPDX-License-Identifier: Apache-2.0
// The module of NICs: the nodes dpdk-input and nic-output, and the kind of port "dpdk". Control
// thread.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "core/module.h"
#include "nodes/nic/nic_state.h"

namespace weft::nic {

class NicModule final : public Module {
 public:
  // `system` is where preflights look.
  explicit NicModule(SystemView system = {}) : system_(std::move(system)) {}

  std::string_view name() const override { return "nic"; }
  void Register(Registry& registry) override;
  // Warns of workers that are far from a device, once for each.
  absl::Status Configured(const Config& config) override;

 private:
  const SystemView system_;
  std::unique_ptr<NicState> state_;  // from Register on
  std::set<std::string> warned_;
};

}  // namespace weft::nic
