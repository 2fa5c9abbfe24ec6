// SPDX-License-Identifier: Apache-2.0
#include "plugins/tap/tap_port.h"

#include <utility>

namespace weft::tap {
namespace {

// A container, or who makes its namespace, can put it right, and may have put it wrong.
bool IsOfTheContainer(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsAlreadyExists(status);
}

}  // namespace

TapPort::~TapPort() {
  loop_.Cancel(timer_);
  state_.Disconnect(options_.id);
}

absl::Status TapPort::Open() {
  absl::Status status = Make();
  if (!status.ok() && !IsOfTheContainer(status)) return status;
  timer_ = loop_.After(Time::zero(), [this] { Tick(); });
  return absl::OkStatus();
}

absl::Status TapPort::Make() {
  retry_at_ = loop_.Now() + kRetry;
  absl::StatusOr<std::shared_ptr<TapDevice>> opened =
      TapDevice::Open({.name = options_.tap.name,
                       .netns = options_.tap.netns,
                       .queues = options_.tap.queues,
                       .mtu = options_.tap.mtu,
                       .mac = mac_});
  if (opened.ok()) {
    device_ = *std::move(opened);
    if (!mac_) mac_ = device_->Mac();
    status_ = {.state = PortState::kDown, .reason = "nobody reads it yet"};
    return absl::OkStatus();
  }
  const bool waits = absl::IsUnavailable(opened.status());
  std::string reason = Cat(waits ? "waits: " : "", MessageOf(opened.status()));
  if (status_.reason != reason) Log(waits ? LogLevel::kInfo : LogLevel::kError, reason);
  status_ = {.state = waits ? PortState::kDown : PortState::kError, .reason = std::move(reason)};
  return opened.status();
}

void TapPort::Tick() {
  timer_ = loop_.After(kPeriod, [this] { Tick(); });
  if (device_ != nullptr) Look();
  if (device_ == nullptr && !over_ && loop_.Now() >= retry_at_) {
    Make().IgnoreError();  // status_ says it
  }
  if (device_ == nullptr || status_.state == PortState::kUp) return;
  state_.Connect({options_.id, options_.workers, options_.tap.mtu, device_});
  status_ = {.state = PortState::kUp, .reason = ""};
  Log(LogLevel::kInfo,
      Cat("up, interface ", options_.tap.name,
          options_.tap.netns.empty() ? std::string() : Cat(" in ", options_.tap.netns)));
  if (options_.on_up) options_.on_up();
}

void TapPort::Look() {
  if (device_->IsGone()) {
    over_ = IsOfProcess();
    Lose(over_ ? "the process's namespace has gone, and its number may be another's by now: delete "
                 "the port and add it again"
               : "waits: the interface has gone");
  } else if (device_->IsElsewhere(options_.tap.netns)) {
    Lose("waits: the name is another namespace's now");
  }
}

// The workers' snapshots share the device: it is closed when none of them uses it any more.
void TapPort::Lose(std::string_view why) {
  const bool was_up = status_.state == PortState::kUp;
  state_.Disconnect(options_.id);
  device_.reset();
  status_ = {.state = PortState::kDown, .reason = std::string(why)};
  retry_at_ = loop_.Now() + kRetry;
  Log(LogLevel::kWarning, Cat("down, ", why));
  if (was_up && options_.on_down) options_.on_down();
}

std::vector<Column> TapPort::FactColumns() {
  return {{"interface", "what the kernel's interface is called"},
          {"netns", "the network namespace that it is in; without it weftd's own"},
          {"interface-mac", "its MAC address"},
          {"queues", "its queues", CellKind::kCount},
          {"interface-set-up", "whether it is set up there", CellKind::kFlag}};
}

std::vector<Column> TapPort::AttachmentColumns() {
  return {{"podman", "the argument that gives podman's or docker's container that namespace"}};
}

std::vector<PortFact> TapPort::Facts() const {
  std::vector<PortFact> facts = {{"interface", options_.tap.name}};
  if (!options_.tap.netns.empty()) facts.push_back({"netns", options_.tap.netns});
  if (mac_) facts.push_back({"interface-mac", mac_->ToString()});
  facts.push_back({"queues", uint64_t{options_.tap.queues}});
  if (device_ != nullptr) facts.push_back({"interface-set-up", !device_->seen_down()});
  return facts;
}

std::vector<Finding> TapPort::Findings() const {
  if (device_ == nullptr || !device_->seen_down()) return {};
  return {{.says = Cat("the interface ", options_.tap.name, " is set down in its namespace"),
           .advice = Cat("there: ip link set ", options_.tap.name, " up")}};
}

std::vector<PortFact> TapPort::Attachment() const {
  if (options_.tap.netns.empty() || IsOfProcess()) return {};
  return {{"podman", Cat("--network=ns:", options_.tap.netns)}};
}

void TapPort::Log(LogLevel level, std::string_view message) const {
  weft::Log(level, Cat("port ", options_.port, ": ", message));
}

}  // namespace weft::tap
