// SPDX-License-Identifier: Apache-2.0
#include "plugins/af_xdp/af_xdp_port.h"

#include <utility>

#include "plugins/af_xdp/attachment.h"

namespace weft::af_xdp {

AfXdpPort::~AfXdpPort() {
  loop_.Cancel(timer_);
  state_.Disconnect(options_.id);
}

absl::Status AfXdpPort::Open() {
  absl::Status status = Take();
  if (absl::IsUnavailable(status)) {
    Wait(MessageOf(status));
  } else if (!status.ok()) {
    return status;
  }
  timer_ = loop_.After(Time::zero(), [this] { Tick(); });
  return absl::OkStatus();
}

absl::Status AfXdpPort::Take() {
  // Two sockets at one queue the kernel would refuse.
  if (state_.InUse(key_)) return absl::UnavailableError("the former port still has the interface");
  absl::StatusOr<std::shared_ptr<XdpInterface>> taken =
      XdpInterface::Open(options_.config, options_.mtu);
  if (!taken.ok()) return taken.status();
  interface_ = *std::move(taken);
  state_.SetOpened(key_, interface_);
  status_ = {.state = PortState::kDown, .reason = "no link yet"};
  return absl::OkStatus();
}

void AfXdpPort::Tick() {
  timer_ = loop_.After(kPeriod, [this] { Tick(); });
  if (interface_ == nullptr) TryToTake();
  if (interface_ != nullptr) CheckLink();
}

void AfXdpPort::TryToTake() {
  if (loop_.Now() < retry_at_) return;
  const absl::Status status = Take();
  if (status.ok()) return;
  if (absl::IsUnavailable(status)) {
    Wait(MessageOf(status));
    return;
  }
  std::string reason = MessageOf(status);
  if (status_.reason != reason) Log(LogLevel::kError, reason);
  status_ = {.state = PortState::kError, .reason = std::move(reason)};
  retry_at_ = loop_.Now() + kRetry;
}

void AfXdpPort::Wait(std::string reason) {
  reason = Cat("waits: ", reason);
  if (status_.reason != reason) Log(LogLevel::kInfo, reason);
  status_ = {.state = PortState::kDown, .reason = std::move(reason)};
}

void AfXdpPort::CheckLink() {
  const absl::Status link = interface_->Link();
  if (absl::IsNotFound(link)) {
    Lose(link);
    return;
  }
  const bool was_up = status_.state == PortState::kUp;
  status_ = {.state = link.ok() ? PortState::kUp : PortState::kDown, .reason = MessageOf(link)};
  if (link.ok() == was_up) return;
  if (link.ok()) {
    state_.Connect(Queues());
    Log(LogLevel::kInfo, Cat("up, ", options_.config.interface));
    if (options_.on_up) options_.on_up();
  } else {
    state_.Disconnect(options_.id);
    Log(LogLevel::kInfo, Cat("down, ", status_.reason));
    if (options_.on_down) options_.on_down();
  }
}

// Snapshots of workers share it: it is given back when none of them uses it any more.
void AfXdpPort::Lose(const absl::Status& why) {
  const bool was_up = status_.state == PortState::kUp;
  state_.Disconnect(options_.id);
  interface_.reset();
  Wait(MessageOf(why));
  if (was_up && options_.on_down) options_.on_down();
}

PortQueues AfXdpPort::Queues() const {
  PortQueues port{.port = options_.id,
                  .workers = options_.workers,
                  .mtu = options_.mtu,
                  .complete_checksums = options_.config.complete_checksums,
                  .queues = {},
                  .owner = interface_};
  for (size_t i = 0; i < options_.workers.size(); ++i) {
    port.queues.push_back(&interface_->queue(i));
  }
  return port;
}

std::vector<Column> AfXdpPort::FactColumns() {
  const auto lost = [](std::string name, std::string help) {
    return Column{std::move(name), std::move(help), CellKind::kCounter};
  };
  return {{"interface", "the kernel's interface"},
          {"netns", "the network namespace that it is in; without it weftd's own"},
          {"program", "where the program that leads frames to weft runs"},
          {"zero-copy", "whether its driver writes into weft's memory itself", CellKind::kFlag},
          {"huge-pages", "whether that memory is huge pages", CellKind::kFlag},
          lost("kernel-rx-dropped", "frames that the kernel had no room for, or found too long"),
          lost("kernel-rx-invalid-descriptors", "buffers that it refused"),
          lost("kernel-rx-ring-full", "frames that found the ring to weft full"),
          lost("kernel-rx-no-free-frame", "how often it found no buffer for a frame"),
          lost("kernel-tx-invalid-descriptors", "frames of weft's that it refused")};
}

std::vector<PortFact> AfXdpPort::Facts() const {
  std::vector<PortFact> facts = {{"interface", options_.config.interface}};
  if (!key_.first.empty()) facts.push_back({"netns", key_.first});
  if (interface_ != nullptr) {
    for (PortFact& fact : interface_->Facts()) facts.push_back(std::move(fact));
  }
  return facts;
}

std::vector<Finding> AfXdpPort::Findings() const {
  return interface_ == nullptr ? std::vector<Finding>() : interface_->Findings();
}

std::vector<PortFact> AfXdpPort::Attachment() const {
  if (interface_ != nullptr && !interface_->is_veth()) return {};
  return af_xdp::Attachment(options_.name, options_.mac, options_.mtu, options_.config);
}

void AfXdpPort::Log(LogLevel level, std::string_view message) const {
  weft::Log(level, Cat("port ", options_.name, ": ", message));
}

}  // namespace weft::af_xdp
