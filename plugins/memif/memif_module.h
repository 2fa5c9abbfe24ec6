// SPDX-License-Identifier: Apache-2.0
// The module of memif peers: ports whose section has `memif = { ... }`, the nodes memif-input and
// memif-output, and what they share. Control thread.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string_view>

#include "core/sdk/tenant.h"
#include "core/sdk/weft.h"
#include "plugins/memif/memif_table.h"

namespace weft::memif {

class MemifModule final : public Module {
 public:
  static constexpr std::string_view kName = "memif";

  MemifModule();
  ~MemifModule() override;
  std::string_view name() const override { return kName; }
  void Register(Registry& registry) override;

 private:
  class Backend;

  // Made when a worker's first node or port asks for it.
  const std::shared_ptr<const KickSet>& KicksOf(WorkerId worker);
  absl::StatusOr<std::unique_ptr<PortBackend>> MakePort(const PortRequest& request);
  void Publish();
  void CheckPorts();

  EventLoop* loop_ = nullptr;
  Rcu* rcu_ = nullptr;
  Notifier notifier_;
  Published<MemifTable> table_;
  std::map<PortId, Backend*> ports_;  // those that are there; each takes itself off
  EventLoop::TimerId check_timer_ = 0;
  std::array<std::shared_ptr<const KickSet>, kMaxWorkers> kicks_;
};

}  // namespace weft::memif
