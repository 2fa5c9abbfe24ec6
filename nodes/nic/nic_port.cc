// SPDX-License-Identifier: Apache-2.0
#include "nodes/nic/nic_port.h"

#include <utility>

#include "core/base/text.h"
#include "nodes/nic/preflight.h"

namespace weft::nic {

NicPort::~NicPort() {
  loop_.Cancel(timer_);
  state_.Disconnect(options_.id);
}

absl::Status NicPort::Open() {
  if (state_.InUse(device_)) {
    status_.reason = "waits until the former port's device is closed";
  } else if (const absl::Status there = Preflight(device_, state_.system());
             options_.wait && absl::IsUnavailable(there)) {
    status_.reason = Cat("waits: ", MessageOf(there));
    Log(LogLevel::kInfo, status_.reason);
  } else if (absl::Status status = OpenDevice(); !status.ok()) {
    return status;
  }
  timer_ = loop_.After(Time::zero(), [this] { Tick(); });
  return absl::OkStatus();
}

absl::Status NicPort::OpenDevice() {
  // Who shares the memory of an ethdev that EAL made needs nothing of the system.
  if (absl::Status status = Preflight(device_, state_.system()); !status.ok()) return status;
  // Called by a thread of DPDK's; the loop outlives the device.
  const auto on_event = [&loop = loop_, self = std::weak_ptr<NicPort*>(self_)] {
    loop.Post([self] {
      const std::shared_ptr<NicPort*> port = self.lock();
      if (port != nullptr) (*port)->Look();
    });
  };
  absl::StatusOr<std::shared_ptr<EthDevice>> opened =
      state_.Open(device_,
                  {.mtu = options_.mtu,
                   .queues = static_cast<uint16_t>(options_.workers.size()),
                   .promiscuous = options_.promiscuous},
                  on_event);
  if (!opened.ok()) return opened.status();
  ethdev_ = *std::move(opened);
  status_ = {.state = PortState::kDown, .reason = "no link yet"};
  for (const std::string& warning : ethdev_->warnings()) Log(LogLevel::kWarning, warning);
  return absl::OkStatus();
}

void NicPort::Tick() {
  timer_ = loop_.After(kPeriod, [this] { Tick(); });
  if (ethdev_ == nullptr) TryToOpen();
  Look();
}

void NicPort::TryToOpen() {
  // While workers use the former device, the name is taken.
  if (state_.InUse(device_) || loop_.Now() < retry_at_) return;
  const absl::Status there = Preflight(device_, state_.system());
  const bool waits = absl::IsUnavailable(there);
  const absl::Status status = waits ? there : OpenDevice();
  if (status.ok()) return;
  std::string reason = waits ? Cat("waits: ", MessageOf(status)) : MessageOf(status);
  if (status_.reason != reason) Log(waits ? LogLevel::kInfo : LogLevel::kError, reason);
  status_ = {.state = waits ? PortState::kDown : PortState::kError, .reason = std::move(reason)};
  if (!waits) retry_at_ = loop_.Now() + kRetry;
}

void NicPort::Look() {
  if (ethdev_ == nullptr) return;
  if (const absl::Status there = Presence(); !there.ok()) {
    LoseDevice(there);
  } else {
    CheckLink();
  }
}

absl::Status NicPort::Presence() const {
  if (ethdev_->removed()) return absl::UnavailableError("the device is gone");
  const std::string& interface = ethdev_->interface();
  // net_af_packet's driver does not notice: its socket stays, bound to what was. Another interface
  // of that name is another interface.
  if (interface.empty() ||
      InterfaceIndex(state_.system(), interface) == ethdev_->interface_index()) {
    return absl::OkStatus();
  }
  return absl::UnavailableError(Cat("the interface ", interface, " is gone"));
}

// The workers' snapshots share the device: it closes when none of them uses it any more.
void NicPort::LoseDevice(const absl::Status& why) {
  const bool was_up = status_.state == PortState::kUp;
  state_.Disconnect(options_.id);
  ethdev_.reset();
  status_ = {.state = PortState::kDown, .reason = Cat("waits: ", MessageOf(why))};
  Log(LogLevel::kWarning, Cat("down, ", status_.reason));
  if (was_up && options_.on_down) options_.on_down();
}

absl::Status NicPort::LinkStatus(const EthDevice::Link& link) const {
  // Drivers such as net_af_packet's claim a link always; the kernel knows better, and why.
  if (!ethdev_->interface().empty()) return Carrier(state_.system(), ethdev_->interface());
  return link.up ? absl::OkStatus() : absl::UnavailableError("the device has no link");
}

void NicPort::CheckLink() {
  const EthDevice::Link link = ethdev_->link();
  const absl::Status now = LinkStatus(link);
  const bool was_up = status_.state == PortState::kUp;
  status_ = {.state = now.ok() ? PortState::kUp : PortState::kDown, .reason = MessageOf(now)};
  if (now.ok() == was_up) return;
  if (now.ok()) {
    state_.Connect({options_.id, options_.workers, options_.mtu, ethdev_});
    Log(LogLevel::kInfo,
        Cat("up, ", device_.name(), link.mbps != 0 ? Cat(", ", link.mbps, " Mbit/s") : ""));
    if (options_.on_up) options_.on_up();
  } else {
    state_.Disconnect(options_.id);
    Log(LogLevel::kInfo, Cat("down, ", status_.reason));
    if (options_.on_down) options_.on_down();
  }
}

std::vector<PortFact> NicPort::Facts() const {
  if (ethdev_ == nullptr) return {{"device", device_.ToString()}};
  return ethdev_->Facts();
}

void NicPort::Log(LogLevel level, std::string_view message) const {
  weft::Log(level, Cat("port ", options_.name, ": ", message));
}

}  // namespace weft::nic
