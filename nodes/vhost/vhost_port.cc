// SPDX-License-Identifier: Apache-2.0
#include "nodes/vhost/vhost_port.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/unix_socket.h"

namespace weft::vhost {
namespace {

// After an error the next connection waits: who breaks a rule in a loop does not keep us busy.
constexpr Time kErrorPause = std::chrono::milliseconds(50);

// How often a port looks whether what its container left behind is closed.
constexpr Time kClosingPoll = std::chrono::milliseconds(1);
constexpr absl::string_view kNotClosed = "what the container sent last is not closed yet";

constexpr uint32_t kLogBurst = 20;
constexpr uint32_t kLogLinesPerSecond = 2;

}  // namespace

VhostPort::VhostPort(Services services, PortId id, std::string name, EndpointOptions options,
                     size_t queue_pairs, const SessionLimits& limits, Callbacks callbacks)
    : services_(services),
      name_(std::move(name)),
      options_(std::move(options)),
      limits_(limits),
      callbacks_(std::move(callbacks)),
      messages_(limits.message_burst, limits.messages_per_second),
      log_lines_(kLogBurst, kLogLinesPerSecond),
      endpoint_(Endpoint::Make(services_.loop, options_, *this)) {
  for (size_t ring = 0; ring < 2 * queue_pairs; ++ring) {
    queues_.push_back(std::make_shared<Queue>(id, DirectionOf(ring)));
  }
}

VhostPort::~VhostPort() { services_.loop.Cancel(reopen_); }

absl::Status VhostPort::Open() {
  if (absl::Status status = endpoint_->Open(); !status.ok()) return status;
  endpoint_->SetMode(Endpoint::Mode::kTake);
  Log(LogLevel::kInfo,
      absl::StrCat(options_.connects ? "connects to " : "listens at ", options_.path));
  return absl::OkStatus();
}

void VhostPort::Check() {
  if (session_ == nullptr) return;
  if (const absl::Status health = session_->Health(); !health.ok()) OnEnded(health);
}

VhostPort::Info VhostPort::Describe() const {
  Info info;
  info.state = state_;
  info.reason = reason_;
  info.socket = options_.path;
  info.connections = connections_;
  if (session_ == nullptr) return info;
  info.features = session_->features();
  info.driver_mtu = session_->driver_mtu();
  info.ring_size = {session_->ring_size(0), session_->ring_size(1)};
  info.levels = {session_->Level(0), session_->Level(1)};
  if (state_ == PortState::kConnected && info.reason.empty()) {
    info.reason = absl::StrCat("connected, but ", session_->Lacks());
  }
  for (size_t pair = 0; pair < queue_pairs(); ++pair) info.queues_running += PairRuns(pair) ? 1 : 0;
  if (const GuestMemory* memory = session_->memory(); memory != nullptr) {
    info.memory_regions = memory->region_count();
    info.memory_bytes = memory->bytes();
  }
  info.peer_pid = peer_pid_;
  info.peer_uid = peer_uid_;
  return info;
}

void VhostPort::OnConnection(UniqueFd socket) {
  const absl::StatusOr<PeerCredentials> peer = PeerOf(socket.get());
  peer_pid_ = peer.ok() ? peer->pid : 0;
  peer_uid_ = peer.ok() ? peer->uid : 0;
  ++connections_;
  messages_.Take(services_.loop.Now());
  state_ = PortState::kConnected;
  reason_.clear();
  Session::Queues queues;
  for (const auto& queue : queues_) queues.push_back(queue.get());
  Session::Owner& owner = *this;
  session_ = std::make_unique<Session>(services_, std::move(queues), std::move(socket), limits_,
                                       messages_, closing_, owner);
  endpoint_->SetMode(Endpoint::Mode::kRefuse);
  Log(LogLevel::kInfo, absl::StrCat("connected, pid ", peer_pid_, ", uid ", peer_uid_));
}

bool VhostPort::OnSurplus() {
  if (session_->PeerGone()) {
    // The container restarted faster than we noticed: its new connection is the one that counts.
    OnEnded(absl::CancelledError("the container closed the connection"));
    return false;
  }
  if (closing_.busy()) return false;
  Log(LogLevel::kWarning, "refused a second connection: one container a port");
  return true;
}

void VhostPort::OnUnreachable(const absl::Status& why) {
  std::string reason(why.message());
  if (state_ == PortState::kError || reason == reason_) return;  // the error stays to be seen
  reason_ = std::move(reason);
  Log(LogLevel::kInfo, absl::StrCat("waits: ", reason_));
}

void VhostPort::OnRingsChanged() { SetUp(PairRuns(0)); }

bool VhostPort::PairRuns(size_t pair) const {
  return session_->running(RingOf(pair, Direction::kToGuest)) &&
         session_->running(RingOf(pair, Direction::kToSwitch));
}

void VhostPort::SetUp(bool up) {
  if (up == (state_ == PortState::kUp)) return;
  state_ = up ? PortState::kUp : PortState::kConnected;
  if (up) {
    const Info info = Describe();
    Log(LogLevel::kInfo,
        absl::StrCat("up, rings of ", info.ring_size[0], " and ", info.ring_size[1], ", ",
                     info.memory_regions, " memory regions of ", info.memory_bytes >> 20, " MiB"));
    if (callbacks_.on_up) callbacks_.on_up();
  } else {
    Log(LogLevel::kInfo, "down");
    if (callbacks_.on_down) callbacks_.on_down();
  }
}

void VhostPort::OnEnded(const absl::Status& why) {
  session_.reset();
  if (state_ == PortState::kUp) {
    SetUp(false);
  } else if (callbacks_.on_down) {
    callbacks_.on_down();  // it may have sent without ever being up
  }
  const bool orderly = absl::IsCancelled(why);
  state_ = orderly ? PortState::kWaiting : PortState::kError;
  reason_ = orderly ? "" : std::string(why.message());
  if (orderly) {
    Log(LogLevel::kInfo, "disconnected");
  } else {
    Log(LogLevel::kError, absl::StrCat("in error, disconnected: ", reason_));
  }
  endpoint_->SetMode(Endpoint::Mode::kIdle);
  // The next session may start rings only when no worker uses those of this one.
  services_.rcu.Defer(
      [this, alive = std::weak_ptr<bool>(alive_), pause = orderly ? Time::zero() : kErrorPause] {
        if (!alive.expired()) Reopen(pause);
      });
}

void VhostPort::Reopen(Time pause) {
  pause = std::max(pause, messages_.Wait(services_.loop.Now()));
  if (closing_.busy()) {
    pause = std::max(pause, kClosingPoll);
    if (reason_.empty()) reason_ = std::string(kNotClosed);
  } else if (reason_ == kNotClosed) {
    reason_.clear();
  }
  if (pause == Time::zero()) {
    endpoint_->SetMode(Endpoint::Mode::kTake);
    return;
  }
  reopen_ = services_.loop.After(pause, [this] { Reopen(Time::zero()); });
}

void VhostPort::Log(LogLevel level, const std::string& message) {
  if (!log_lines_.Take(services_.loop.Now())) {
    ++suppressed_lines_;
    return;
  }
  std::string line = absl::StrCat("port ", name_, ": ", message);
  if (suppressed_lines_ > 0) {
    absl::StrAppend(&line, " (", std::exchange(suppressed_lines_, 0),
                    " lines before were left out)");
  }
  weft::Log(level, line);
}

}  // namespace weft::vhost
