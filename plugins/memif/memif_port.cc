// SPDX-License-Identifier: Apache-2.0
#include "plugins/memif/memif_port.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "plugins/memif/ring.h"

namespace weft::memif {
namespace {

// After an error the next connection waits: who breaks a rule in a loop does not keep us busy.
constexpr Time kErrorPause = std::chrono::milliseconds(50);

// How often a port looks whether what its peer left behind is closed.
constexpr Time kClosingPoll = std::chrono::milliseconds(1);
constexpr std::string_view kNotClosed = "what the peer sent last is not closed yet";

constexpr uint32_t kLogBurst = 20;
constexpr uint32_t kLogLinesPerSecond = 2;

}  // namespace

MemifPort::MemifPort(Services services, PortId id, std::string name, EndpointOptions endpoint,
                     SessionOptions options, Callbacks callbacks)
    : services_(services),
      name_(std::move(name)),
      endpoint_options_(std::move(endpoint)),
      options_(std::move(options)),
      callbacks_(std::move(callbacks)),
      messages_(options_.message_burst, options_.messages_per_second),
      log_lines_(kLogBurst, kLogLinesPerSecond),
      endpoint_(Endpoint::Make(services_.loop, endpoint_options_, *this)) {
  for (size_t pair = 0; pair < options_.queue_pairs; ++pair) {
    to_switch_.push_back(std::make_shared<Queue>(id, Direction::kToSwitch));
    to_peer_.push_back(std::make_shared<Queue>(id, Direction::kToPeer));
  }
}

MemifPort::~MemifPort() { services_.loop.Cancel(reopen_); }

absl::Status MemifPort::Open() {
  if (absl::Status status = endpoint_->Open(); !status.ok()) return status;
  endpoint_->SetMode(Endpoint::Mode::kTake);
  Report(LogLevel::kInfo,
         Cat(endpoint_options_.connects ? "connects to " : "listens at ", endpoint_options_.path));
  return absl::OkStatus();
}

void MemifPort::Check() {
  if (session_ == nullptr) return;
  if (const absl::Status health = session_->Health(); !health.ok()) OnEnded(health);
}

MemifPort::Info MemifPort::Describe() const {
  Info info;
  info.state = state_;
  info.reason = reason_;
  info.connections = connections_;
  if (session_ == nullptr) return info;
  info.peer_pid = peer_pid_;
  info.peer_uid = peer_uid_;
  info.peer_name = absl::CHexEscape(session_->peer_name());
  info.peer_interface = absl::CHexEscape(session_->peer_interface());
  info.memory_regions = session_->regions().count();
  info.memory_bytes = session_->regions().bytes();
  if (state_ == State::kConnected && info.reason.empty()) {
    info.reason = Cat("connected, but ", session_->Lacks());
  }
  for (const auto* queues : {&to_peer_, &to_switch_}) {
    for (const std::shared_ptr<Queue>& queue : *queues) {
      const RingView* const view = queue->view.Load();
      if (view == nullptr) continue;
      const auto direction = static_cast<size_t>(queue->direction());
      if (info.rings[direction]++ != 0) continue;
      info.ring_size[direction] = view->size;
      info.level[direction] = LevelOf(*view);
    }
  }
  return info;
}

void MemifPort::OnConnection(UniqueFd socket) {
  const absl::StatusOr<PeerCredentials> peer = PeerOf(socket.get());
  peer_pid_ = peer.ok() ? peer->pid : 0;
  peer_uid_ = peer.ok() ? peer->uid : 0;
  ++connections_;
  messages_.Take(services_.loop.Now());
  state_ = State::kConnected;
  reason_.clear();
  Queues queues;
  for (const auto& queue : to_switch_) queues.to_switch.push_back(queue.get());
  for (const auto& queue : to_peer_) queues.to_peer.push_back(queue.get());
  Session::Owner& owner = *this;
  session_ = std::make_unique<Session>(services_, std::move(queues), std::move(socket), options_,
                                       messages_, closing_, owner);
  endpoint_->SetMode(Endpoint::Mode::kRefuse);
  Report(LogLevel::kInfo, Cat("connected, pid ", peer_pid_, ", uid ", peer_uid_));
  session_->Begin();
}

bool MemifPort::OnSurplus() {
  if (session_->PeerGone()) {
    // The peer restarted faster than we noticed: its new connection is the one that counts.
    OnEnded(absl::CancelledError("the peer closed the connection"));
    return false;
  }
  if (closing_.busy()) return false;
  Report(LogLevel::kWarning, "refused a second connection: one peer a port");
  return true;
}

void MemifPort::OnUnreachable(const absl::Status& why) {
  std::string reason = MessageOf(why);
  if (state_ == State::kError || reason == reason_) return;  // the error stays to be seen
  reason_ = std::move(reason);
  Report(LogLevel::kInfo, Cat("waits: ", reason_));
}

void MemifPort::OnRunning() {
  state_ = State::kUp;
  const Info info = Describe();
  Report(LogLevel::kInfo,
         Cat("up, rings of ", info.ring_size[0], " and ", info.ring_size[1], ", ",
             info.memory_regions, " memory regions of ", info.memory_bytes >> 20, " MiB"));
  if (callbacks_.on_up) callbacks_.on_up();
}

void MemifPort::OnEnded(const absl::Status& why) {
  session_.reset();
  if (callbacks_.on_down) callbacks_.on_down();
  const bool orderly = IsOrderly(why);
  state_ = orderly ? State::kWaiting : State::kError;
  // That it has gone is what the state says.
  reason_ = absl::IsCancelled(why) ? "" : MessageOf(why);
  if (orderly) {
    Report(LogLevel::kInfo, MessageOf(why));
  } else {
    Report(LogLevel::kError, Cat("in error, disconnected: ", reason_));
  }
  endpoint_->SetMode(Endpoint::Mode::kIdle);
  // The next session may start rings only when no worker uses those of this one.
  services_.rcu.Defer(
      [this, alive = std::weak_ptr<bool>(alive_), pause = orderly ? Time::zero() : kErrorPause] {
        if (!alive.expired()) Reopen(pause);
      });
}

void MemifPort::Reopen(Time pause) {
  pause = std::max(pause, messages_.Wait(services_.loop.Now()));
  if (closing_.busy()) {
    pause = std::max(pause, kClosingPoll);
    if (reason_.empty()) reason_ = kNotClosed;
  } else if (reason_ == kNotClosed) {
    reason_.clear();
  }
  if (pause == Time::zero()) {
    endpoint_->SetMode(Endpoint::Mode::kTake);
    return;
  }
  reopen_ = services_.loop.After(pause, [this] { Reopen(Time::zero()); });
}

void MemifPort::Report(LogLevel level, const std::string& message) {
  if (!log_lines_.Take(services_.loop.Now())) {
    ++suppressed_lines_;
    return;
  }
  std::string line = Cat("port ", name_, ": ", message);
  if (suppressed_lines_ > 0) {
    Append(line, " (", std::exchange(suppressed_lines_, 0), " lines before were left out)");
  }
  Log(level, line);
}

}  // namespace weft::memif
