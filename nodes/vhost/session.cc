// SPDX-License-Identifier: Apache-2.0
#include "nodes/vhost/session.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nodes/vhost/session_requests.h"

namespace weft::vhost {
namespace {

// How long a container waits whose call descriptors came faster than they could be closed.
constexpr Time kCrowded = std::chrono::milliseconds(1);

absl::Status OfRing(size_t ring, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat("ring ", ring, ": ", status.message()));
}

absl::Status Failed(size_t ring, RingError error) {
  const std::string_view help = kRingErrors.help(error);
  return OfRing(ring, absl::InvalidArgumentError(absl::string_view(help.data(), help.size())));
}

}  // namespace

Session::Session(Services services, Queues queues, UniqueFd socket, const SessionLimits& limits,
                 TokenBucket& messages, Closing& closing, Owner& owner)
    : services_(services),
      queues_(std::move(queues)),
      socket_(std::move(socket)),
      limits_(limits),
      messages_(messages),
      closing_(closing),
      owner_(owner),
      reader_(SessionRequests::Find),
      rings_(queues_.size()) {
  services_.notifier.Pardon(queues_[0]->port());
  services_.loop.Watch(socket_.get(), EPOLLIN, [this](uint32_t) { OnReadable(); });
}

Session::~Session() {
  services_.loop.Unwatch(socket_.get());
  services_.loop.Cancel(deadline_);
  services_.loop.Cancel(pause_);
  for (size_t ring = 0; ring < rings_.size(); ++ring) {
    UnwatchKick(ring);
    queues_[ring]->view.Store(services_.rcu, nullptr);
  }
  shutdown(socket_.get(), SHUT_RDWR);  // whoever waits for its close need not wait for the thread
  for (UniqueFd& fd : reader_.ReleaseDescriptors()) unclosed_.push_back(std::move(fd));
  unclosed_.push_back(std::move(socket_));
  closing_.Close(std::move(unclosed_));
}

// ---- Messages

void Session::OnReadable() {
  const absl::Status status = ReadMessages();
  if (!status.ok()) End(status);
}

absl::Status Session::ReadMessages() {
  while (!waiting_) {
    const Time now = services_.loop.Now();
    Time wait = messages_.Wait(now);
    if (services_.notifier.crowded(queues_[0]->port())) wait = std::max(wait, kCrowded);
    if (wait > Time::zero()) {
      Pause(wait);
      return absl::OkStatus();
    }
    absl::StatusOr<std::optional<Message>> message = reader_.Read(socket_.get());
    if (!message.ok()) return message.status();
    if (!message->has_value()) break;
    messages_.Take(now);
    services_.loop.Cancel(std::exchange(deadline_, 0));
    if (absl::Status status = Handle(**message); !status.ok()) return status;
  }
  WatchDeadline();
  return absl::OkStatus();
}

absl::Status Session::Handle(Message& message) {
  in_hand_ = message.header;
  const absl::Status status = SessionRequests::Handle(*this, message);
  if (status.ok()) return waiting_ ? absl::OkStatus() : Acknowledge(true);
  unclosed_ = std::move(message.fds);  // nobody knows what they are
  // The container hears that it failed, and then the connection ends all the same. Whether it
  // hears makes no difference to us.
  Acknowledge(false).IgnoreError();
  return status;
}

absl::Status Session::Acknowledge(bool good) {
  if ((in_hand_.flags & kNeedReplyFlag) == 0 || (protocol_features_ & kProtocolReplyAck) == 0 ||
      SessionRequests::HasReply(in_hand_.request)) {
    return absl::OkStatus();
  }
  return SendReply(socket_.get(), in_hand_.request, NumberPayload{good ? 0U : 1U});
}

void Session::Pause(Time wait) {
  services_.loop.Rewatch(socket_.get(), 0);
  pause_ = services_.loop.After(wait, [this] {
    services_.loop.Rewatch(socket_.get(), EPOLLIN);
    OnReadable();
  });
}

void Session::WatchDeadline() {
  if (!reader_.partial() || deadline_ != 0) return;
  deadline_ = services_.loop.After(limits_.message_deadline, [this] {
    End(absl::DeadlineExceededError("the container did not finish a message in time"));
  });
}

void Session::End(const absl::Status& why) {
  services_.loop.Unwatch(socket_.get());
  services_.loop.Cancel(std::exchange(deadline_, 0));
  owner_.OnEnded(why);
}

void Session::AfterQuiescence(std::function<absl::Status()> finish) {
  waiting_ = true;
  services_.loop.Rewatch(socket_.get(), 0);
  services_.rcu.Defer([this, alive = std::weak_ptr<bool>(alive_), finish = std::move(finish)] {
    if (!alive.expired()) Finish(finish);
  });
}

void Session::Finish(const std::function<absl::Status()>& finish) {
  waiting_ = false;
  absl::Status status = finish();
  if (status.ok()) status = Acknowledge(true);
  if (!status.ok()) {
    End(status);
    return;
  }
  services_.loop.Rewatch(socket_.get(), EPOLLIN);
  OnReadable();
}

// ---- Rings

void Session::WatchKick(size_t ring) {
  // Edge-triggered and never read: a container can neither make us read nor keep us awake.
  services_.loop.Watch(rings_[ring].kick->get(), EPOLLIN | EPOLLET, [this, ring](uint32_t) {
    UnwatchKick(ring);  // workers poll from here on
    rings_[ring].kicked = true;
    const absl::Status status = Start(ring);
    if (!status.ok()) End(status);
  });
}

void Session::UnwatchKick(size_t ring) {
  if (rings_[ring].kick != nullptr) services_.loop.Unwatch(rings_[ring].kick->get());
}

absl::StatusOr<std::unique_ptr<RingView>> Session::MakeView(size_t ring) const {
  auto view = rings_[ring].Validate(features_, memory_);
  if (!view.ok()) return OfRing(ring, view.status());
  // virtio 1.2 §5.1.4.1: who was told an MTU is sent no longer frames.
  if (driver_mtu() != 0) (*view)->mtu = driver_mtu();
  return view;
}

absl::Status Session::Start(size_t ring) {
  RingSetup& setup = rings_[ring];
  if (setup.started || !setup.kicked || !setup.complete() || memory_ == nullptr) {
    return absl::OkStatus();
  }
  auto view = MakeView(ring);
  if (!view.ok()) return view.status();
  if ((*view)->packed) {
    queues_[ring]->Reset(setup.PackedStart());
  } else {
    // What the container has got back is done and nothing else is: after a restart of either side,
    // whatever base it names, that is where the ring continues (virtio 1.2 §2.7.8: idx follows
    // flags).
    const ForeignPtr index = (*view)->used + sizeof(uint16_t);
    queues_[ring]->Reset(index.Load<uint16_t>(std::memory_order_acquire));
  }
  setup.started = true;
  Publish(ring, *std::move(view));
  return absl::OkStatus();
}

absl::Status Session::Republish(size_t ring) {
  auto view = MakeView(ring);
  if (!view.ok()) return view.status();
  Publish(ring, *std::move(view));
  return absl::OkStatus();
}

bool Session::Enabled(const RingSetup& setup) const {
  // A front-end that does not know SET_VRING_ENABLE has enabled rings.
  return setup.enabled || (features_ & kFeatureProtocol) == 0;
}

void Session::Publish(size_t ring, std::unique_ptr<const RingView> view) {
  if (!Enabled(rings_[ring])) view = nullptr;
  queues_[ring]->view.Store(services_.rcu, std::move(view));
  owner_.OnRingsChanged();
}

void Session::Stop(size_t first, size_t count, std::function<absl::Status()> finish) {
  std::vector<size_t> were_started;
  for (size_t ring = first; ring < first + count; ++ring) {
    RingSetup& setup = rings_[ring];
    UnwatchKick(ring);
    setup.kick = nullptr;
    setup.kicked = false;
    if (std::exchange(setup.started, false)) were_started.push_back(ring);
    Publish(ring, nullptr);
  }
  AfterQuiescence([this, were_started, finish = std::move(finish)] {
    for (const size_t ring : were_started) {
      // What is wrong with a ring is not forgotten because it stops.
      if (absl::Status health = RingHealth(ring); !health.ok()) return health;
      const uint16_t position = queues_[ring]->cursor.next_avail;  // the cursor is ours again
      rings_[ring].base = rings_[ring].BaseAt((features_ & kFeaturePacked) != 0, position);
    }
    return finish();
  });
}

absl::Status Session::RingHealth(size_t ring) const {
  const RingError error = queues_[ring]->error();
  if (error != RingError::kNone) return Failed(ring, error);
  if (memory_->faulted()) return Failed(ring, RingError::kMemoryFaulted);
  return absl::OkStatus();
}

absl::Status Session::Health() const {
  for (size_t ring = 0; ring < rings_.size(); ++ring) {
    if (!rings_[ring].started) continue;
    if (absl::Status health = RingHealth(ring); !health.ok()) return health;
  }
  if (services_.notifier.blocked(queues_[0]->port())) {
    const std::string_view help = kRingErrors.help(RingError::kCallBlocked);
    return absl::InvalidArgumentError(absl::string_view(help.data(), help.size()));
  }
  return absl::OkStatus();
}

bool Session::PeerGone() const {
  pollfd other{.fd = socket_.get(), .events = POLLRDHUP, .revents = 0};
  return poll(&other, 1, 0) > 0 && (other.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

std::optional<RingLevel> Session::Level(size_t ring) const {
  const RingView* const view = queues_[ring]->view.Load();
  return view == nullptr ? std::nullopt : LevelOf(*view);
}

// In the order in which front-ends say things.
std::string Session::Lacks() const {
  if (features_ == 0) return "its driver has accepted no features yet";
  if (memory_ == nullptr) return "it has shared no memory yet (SET_MEM_TABLE)";
  for (const Direction direction : {Direction::kToGuest, Direction::kToSwitch}) {
    const size_t ring = RingOf(0, direction);
    const RingSetup& setup = rings_[ring];
    const char* const name = direction == Direction::kToGuest ? "receive" : "transmit";
    if (running(ring)) continue;
    if (!setup.complete())
      return absl::StrFormat("its %s ring has no size or no addresses yet", name);
    if (!setup.kicked) return absl::StrFormat("it has not kicked its %s ring yet", name);
    if (!Enabled(setup)) {
      return absl::StrFormat(
          "its %s ring is not enabled (SET_VRING_ENABLE): the driver in it is not started", name);
    }
    return absl::StrFormat("its %s ring does not run yet", name);
  }
  return "";
}

}  // namespace weft::vhost
