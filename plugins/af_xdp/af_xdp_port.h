// SPDX-License-Identifier: Apache-2.0
// A port of the kind af-xdp: takes the interface, watches its link, and tells the switch when
// frames can flow. An interface that goes is let go of, and taken again when one of its name is
// back: a container's veth comes and goes with the container. Control thread; the core's port table
// owns it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/sdk/weft.h"
#include "plugins/af_xdp/af_xdp_config.h"
#include "plugins/af_xdp/af_xdp_state.h"
#include "plugins/af_xdp/xdp_interface.h"

namespace weft::af_xdp {

class AfXdpPort final : public PortBackend {
 public:
  struct Options {
    PortId id;
    std::vector<WorkerId> workers;  // who receives from its queues, one each
    std::string name;
    uint32_t mtu = 1500;
    std::optional<MacAddress> mac{};
    AfXdpConfig config;
    // Called from the loop when the link comes and goes. They must not destroy the port.
    std::function<void()> on_up;
    std::function<void()> on_down;
  };

  // How often the link is looked at, and whether the interface is there.
  static constexpr Time kPeriod = std::chrono::milliseconds(100);
  // How often taking it is tried again after something that does not come right by itself.
  static constexpr Time kRetry = std::chrono::seconds(1);

  // `state` and `loop` outlive the port.
  AfXdpPort(AfXdpState& state, EventLoop& loop, Options options)
      : state_(state),
        loop_(loop),
        options_(std::move(options)),
        key_(options_.config.NetnsPath(), options_.config.interface) {}
  ~AfXdpPort() override;

  // An error only if waiting does not help.
  absl::Status Open() override;
  PortStatus Status() const override { return status_; }
  std::vector<PortFact> Facts() const override;
  static std::vector<Column> FactColumns();  // what it may tell
  std::vector<Finding> Findings() const override;
  // Of a NIC there is none: who is there is there already.
  std::vector<PortFact> Attachment() const override;

 private:
  absl::Status Take();
  void Tick();
  void TryToTake();
  void CheckLink();
  void Lose(const absl::Status& why);
  void Wait(std::string reason);
  PortQueues Queues() const;
  void Log(LogLevel level, std::string_view message) const;

  AfXdpState& state_;
  EventLoop& loop_;
  const Options options_;
  const AfXdpState::Key key_;
  std::shared_ptr<XdpInterface> interface_;  // null until it is taken
  PortStatus status_;
  Time retry_at_{};
  EventLoop::TimerId timer_ = 0;
};

}  // namespace weft::af_xdp
