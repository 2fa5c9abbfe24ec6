// SPDX-License-Identifier: Apache-2.0
// The l2 room as a module: bridges, the forwarding database, and the nodes that use them. Control
// thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/event_loop.h"
#include "core/base/mac_address.h"
#include "core/module.h"
#include "nodes/l2/bridge.h"
#include "nodes/l2/l2_bridges.h"
#include "nodes/l2/move_watch.h"

namespace weft::l2 {

class L2Module final : public Module {
 public:
  L2Module();
  ~L2Module() override;

  std::string_view name() const override { return "l2"; }
  void Register(Registry& registry) override;

  absl::Status AddBridge(const BridgeConfig& bridge) override;
  void RemoveBridge(const std::string& name) override;
  absl::Status ChangeBridge(const BridgeConfig& bridge) override;
  absl::Status AddPort(PortId port, const PortConfig& config) override;
  void RemovePort(PortId port) override;
  absl::Status Configured(const Config& config) override;
  void Retain(const Config& config) override;
  void PortUp(PortId port) override;
  void PortDown(PortId port) override;
  std::vector<Finding> Explain(PortId port) const override;

 private:
  using Entry = std::pair<std::string, MacAddress>;  // of the bridge of that name

  absl::StatusOr<Reply> ShowFdb(const Arguments& arguments) const;
  Reply ShowBridges() const;
  std::vector<std::string> BridgeNames() const;

  EventLoop* loop_ = nullptr;
  const PortTable* ports_ = nullptr;
  std::unique_ptr<L2State> state_;
  std::unique_ptr<MoveWatch> moves_;
  std::map<PortId, Entry> own_;         // the `mac` of ports that have one
  std::map<Entry, PortId> static_;      // entries of [[bridge]] that are in force
  std::unique_ptr<L2Bridges> bridges_;  // what others see of it, and those that they have added
  EventLoop::TimerId tick_timer_ = 0;
  EventLoop::TimerId move_timer_ = 0;
};

}  // namespace weft::l2
