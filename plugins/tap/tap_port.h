// SPDX-License-Identifier: Apache-2.0
// A kernel container's port: makes its TAP, looks after it, and tells the switch when frames can
// flow. A namespace that goes takes the interface along; the port is down until there is one again.
// Control thread; the core's port table owns it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/sdk/weft.h"
#include "plugins/tap/tap_device.h"
#include "plugins/tap/tap_table.h"

namespace weft::tap {

class TapPort final : public PortBackend {
 public:
  struct Options {
    PortId id;
    std::vector<WorkerId> workers;  // who reads its queues, one each
    std::string port;               // its name, for the log
    TapSettings tap;
    // Called from the loop when the TAP comes and goes. They must not destroy the port.
    std::function<void()> on_up;
    std::function<void()> on_down;
  };

  // How often weft looks whether the interface is still there.
  static constexpr Time kPeriod = std::chrono::milliseconds(100);
  // How often it is tried to make one, while there is none.
  static constexpr Time kRetry = std::chrono::seconds(1);

  // `state` and `loop` outlive the port.
  TapPort(TapState& state, EventLoop& loop, Options options)
      : state_(state), loop_(loop), options_(std::move(options)), mac_(options_.tap.mac) {}
  ~TapPort() override;

  // Makes the TAP. What only the container can put right is no error: the port waits then.
  absl::Status Open() override;
  PortStatus Status() const override { return status_; }
  std::vector<PortFact> Facts() const override;
  std::vector<Finding> Findings() const override;
  std::vector<PortFact> Attachment() const override;
  // What Facts and Attachment may tell.
  static std::vector<Column> FactColumns();
  static std::vector<Column> AttachmentColumns();

 private:
  absl::Status Make();
  void Tick();
  void Look();
  void Lose(std::string_view why);
  // Whether another process may have the number by now, and with it the path.
  bool IsOfProcess() const { return options_.tap.netns.starts_with("/proc/"); }
  void Log(LogLevel level, std::string_view message) const;

  TapState& state_;
  EventLoop& loop_;
  const Options options_;
  // The settings' own, or what the kernel chose for the first: the next is known to others by it.
  std::optional<MacAddress> mac_;
  std::shared_ptr<TapDevice> device_;  // null until there is one
  PortStatus status_;
  bool over_ = false;  // it is not tried again
  Time retry_at_{};
  EventLoop::TimerId timer_ = 0;
};

}  // namespace weft::tap
