// SPDX-License-Identifier: Apache-2.0
// A NIC's port: opens its device, watches the link, and tells the switch when frames can flow. A
// device that goes is let go of, and opened again when it is back.
// Control thread; the core's port table owns it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/base/clock.h"
#include "core/base/event_loop.h"
#include "core/base/ids.h"
#include "core/base/log.h"
#include "core/port/port.h"
#include "nodes/nic/device.h"
#include "nodes/nic/nic_state.h"

namespace weft::nic {

class NicPort final : public PortBackend {
 public:
  struct Options {
    PortId id;
    std::vector<WorkerId> workers;  // who polls its receive queues, one each
    std::string name;
    uint16_t mtu = 1500;
    bool promiscuous = true;
    bool wait = false;  // for a device that is not there yet
    // Called from the loop when the link comes and goes. They must not destroy the port.
    std::function<void()> on_up;
    std::function<void()> on_down;
  };

  // How often the link is looked at, beside when the driver says that it has changed.
  static constexpr Time kPeriod = std::chrono::milliseconds(100);

  // `state` and `loop` outlive the port.
  NicPort(NicState& state, EventLoop& loop, Device device, Options options)
      : state_(state), loop_(loop), device_(std::move(device)), options_(std::move(options)) {}
  ~NicPort() override;

  // How often a device that could not be opened is tried again.
  static constexpr Time kRetry = std::chrono::seconds(1);

  // Opens the device. If one of that name, of a port that has just been deleted, is not closed yet,
  // the port waits for it, down.
  absl::Status Open() override;
  PortStatus Status() const override { return status_; }
  std::vector<PortFact> Facts() const override;

 private:
  absl::Status OpenDevice();
  void Tick();
  void TryToOpen();
  void Look();
  // Why the device is not what was opened any more; OK if it is.
  absl::Status Presence() const;
  void LoseDevice(const absl::Status& why);
  void CheckLink();
  // One phrase that says why no frames flow; OK if they do.
  absl::Status LinkStatus(const EthDevice::Link& link) const;
  void Log(LogLevel level, std::string_view message) const;

  NicState& state_;
  EventLoop& loop_;
  const Device device_;
  const Options options_;
  std::shared_ptr<EthDevice> ethdev_;  // null until it is open
  PortStatus status_;
  Time retry_at_{};
  EventLoop::TimerId timer_ = 0;
  // For what DPDK's threads post: gone with the port.
  const std::shared_ptr<NicPort*> self_ = std::make_shared<NicPort*>(this);
};

}  // namespace weft::nic
