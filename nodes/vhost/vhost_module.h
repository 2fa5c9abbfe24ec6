// SPDX-License-Identifier: Apache-2.0
// The vhost room as a module: ports of kind "vhost", their nodes, and the snapshot of rings that
// both nodes read. Control thread.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>

#include "core/base/event_loop.h"
#include "core/module.h"
#include "core/tenant/notifier.h"
#include "nodes/vhost/vhost_table.h"

namespace weft::vhost {

class VhostPort;

class VhostModule final : public Module {
 public:
  VhostModule();
  ~VhostModule() override;

  std::string_view name() const override { return "vhost"; }
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
  Published<VhostTable> table_;
  std::map<PortId, Backend*> ports_;  // those that are there; each takes itself off
  EventLoop::TimerId check_timer_ = 0;
  std::array<std::shared_ptr<const KickSet>, kMaxWorkers> kicks_;
};

}  // namespace weft::vhost
