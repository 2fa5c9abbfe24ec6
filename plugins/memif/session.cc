// SPDX-License-Identifier: Apache-2.0
#include "plugins/memif/session.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "plugins/memif/ring.h"

namespace weft::memif {
namespace {

// How long a peer waits whose interrupt descriptors came faster than they could be closed.
constexpr Time kCrowded = std::chrono::milliseconds(1);

std::string Shown(const std::string& text) { return absl::CHexEscape(text); }

absl::Status Failed(Direction direction, size_t ring, RingError error) {
  return absl::InvalidArgumentError(
      Cat(direction == Direction::kToPeer ? "ring to the peer " : "ring to the switch ", ring, ": ",
          kRingErrors.help(error)));
}

}  // namespace

Session::Session(Services services, Queues queues, UniqueFd socket, const SessionOptions& options,
                 TokenBucket& messages, Closing& closing, Owner& owner)
    : services_(services),
      queues_(std::move(queues)),
      socket_(std::move(socket)),
      options_(options),
      messages_(messages),
      closing_(closing),
      owner_(owner),
      handshake_(Handshake::Make(options)) {
  services_.notifier.Pardon(queues_.to_peer[0]->port());
  services_.loop.Watch(socket_.get(), EPOLLIN, [this](uint32_t) { OnReadable(); });
  deadline_ = services_.loop.After(options_.deadline, [this] {
    deadline_ = 0;
    End(absl::DeadlineExceededError(
        Cat("the connection was not made in time: ", handshake_->Lacks())));
  });
}

Session::~Session() {
  services_.loop.Unwatch(socket_.get());
  services_.loop.Cancel(deadline_);
  services_.loop.Cancel(pause_);
  for (Queue* queue : queues_.to_switch) queue->view.Store(services_.rcu, nullptr);
  for (Queue* queue : queues_.to_peer) queue->view.Store(services_.rcu, nullptr);
  shutdown(socket_.get(), SHUT_RDWR);  // whoever waits for its close need not wait for the thread
  std::vector<UniqueFd> unclosed = std::move(received_.fds);
  unclosed.push_back(std::move(socket_));
  closing_.Close(std::move(unclosed));
}

void Session::Begin() {
  if (absl::Status status = handshake_->Begin(socket_.get()); !status.ok()) End(status);
}

void Session::OnReadable() {
  const absl::Status status = ReadMessages();
  if (!status.ok()) End(status);
}

absl::Status Session::ReadMessages() {
  while (true) {
    const Time now = services_.loop.Now();
    Time wait = messages_.Wait(now);
    if (services_.notifier.crowded(queues_.to_peer[0]->port())) wait = std::max(wait, kCrowded);
    if (wait > Time::zero()) {
      Pause(wait);
      return absl::OkStatus();
    }
    const absl::StatusOr<bool> got = Receive(socket_.get(), received_);
    if (!got.ok()) return got.status();
    if (!*got) return absl::OkStatus();
    messages_.Take(now);
    if (absl::Status status = Handle(); !status.ok()) return status;
  }
}

absl::Status Session::Handle() {
  if (received_.message.type == MessageType::kDisconnect) {
    const auto reason = received_.message.As<Disconnect>().reason;
    const std::string text = TextOf(reason);
    return absl::AbortedError(text.empty() ? "the peer disconnected"
                                           : Cat("the peer disconnected: ", Shown(text)));
  }
  if (running_) return Unexpected(received_.message.type);
  const absl::StatusOr<bool> complete = handshake_->Handle(socket_.get(), received_);
  if (!complete.ok()) return complete.status();
  if (!*complete) return absl::OkStatus();
  if (absl::Status status = Start(); !status.ok()) return status;
  return handshake_->Finish(socket_.get());
}

void Session::Pause(Time wait) {
  services_.loop.Rewatch(socket_.get(), 0);
  pause_ = services_.loop.After(wait, [this] {
    services_.loop.Rewatch(socket_.get(), EPOLLIN);
    OnReadable();
  });
}

void Session::End(const absl::Status& why) {
  services_.loop.Unwatch(socket_.get());
  services_.loop.Cancel(std::exchange(deadline_, 0));
  if (!IsOrderly(why)) {
    // Whether the peer hears makes no difference to us.
    Disconnect farewell{};
    farewell.code = 1;
    farewell.reason = FieldOf<sizeof(farewell.reason)>(MessageOf(why));
    Send(socket_.get(), Message(MessageType::kDisconnect, farewell)).IgnoreError();
  }
  owner_.OnEnded(why);
}

// ---- Rings

// The ring as workers may use it. InvalidArgument says what is wrong with it.
absl::StatusOr<std::unique_ptr<RingView>> Session::MakeView(const RingRequest& request,
                                                            Direction direction,
                                                            size_t ring) const {
  const auto wrong = [&](std::string_view what) {
    return absl::InvalidArgumentError(
        Cat(direction == Direction::kToPeer ? "ring to the peer " : "ring to the switch ", ring,
            ": ", what));
  };
  if (request.log2_size == 0 || request.log2_size > kMaxLog2RingSize) {
    return wrong(Cat("it has 2^", request.log2_size, " descriptors; 2 to 4096 are possible"));
  }
  if (request.offset % sizeof(Descriptor) != 0) return wrong("it is not aligned to 16 bytes");
  const Layout& layout = handshake_->layout();
  const size_t size = size_t{1} << request.log2_size;
  const ForeignPtr at = layout.regions->Translate(request.region, request.offset, RingBytes(size));
  if (!at) return wrong(Cat("its ", RingBytes(size), " bytes are not inside one memory region"));
  if ((at + kRingCookie).Load<uint32_t>() != kCookie) return wrong("it does not begin as rings do");

  const bool client = options_.role == Role::kClient;
  auto view = std::make_unique<RingView>();
  view->size = static_cast<uint16_t>(size);
  view->flags = at + kRingFlags;
  view->own_index = at + (client ? kRingHead : kRingTail);
  view->peer_index = at + (client ? kRingTail : kRingHead);
  view->descriptors = at + kRingDescriptors;
  view->regions = layout.regions;
  if (client) {
    // Frames to the server may fill all of the ring; buffers for its frames are offered all at
    // once.
    (direction == Direction::kToPeer ? view->ahead : view->behind) = view->size;
    const size_t position = direction == Direction::kToPeer ? ring : layout.to_peer.size() + ring;
    view->buffer_size = layout.buffer_size;
    view->buffers_offset =
        static_cast<uint32_t>(layout.buffers_offset + position * size * layout.buffer_size);
    view->buffers = layout.regions->Translate(0, view->buffers_offset, size * layout.buffer_size);
    if (!view->buffers) return wrong("its buffers are not inside the memory region");
  }
  return view;
}

// To the peer: weft writes the interrupt. To the switch: weft waits for it.
absl::Status Session::AttachInterrupt(RingRequest& request, Queue& queue, RingView& view) const {
  if (queue.direction() == Direction::kToPeer) {
    auto lease = services_.notifier.Register(queue.port(), std::move(request.interrupt));
    if (!lease.ok()) return lease.status();
    view.call_lease = *std::move(lease);
    view.call = view.call_lease->handle();
    return absl::OkStatus();
  }
  if (queue.kicks == nullptr) {
    view.kick = std::make_shared<const UniqueFd>(std::move(request.interrupt));
    return absl::OkStatus();
  }
  auto kick = KickSet::Watched(queue.kicks, std::move(request.interrupt));
  if (!kick.ok()) return kick.status();
  view.kick = *std::move(kick);
  return absl::OkStatus();
}

// A server begins at 0 and so does its peer: rings are as old as the connection. A client has
// waited for CONNECTED, for DPDK's server clears both indexes before it says so.
absl::Status Session::Start() {
  Layout& layout = handshake_->layout();
  std::vector<std::pair<Queue*, std::unique_ptr<RingView>>> made;
  const auto make = [&](std::vector<RingRequest>& requests, const std::vector<Queue*>& queues,
                        Direction direction) -> absl::Status {
    for (size_t ring = 0; ring < requests.size(); ++ring) {
      auto view = MakeView(requests[ring], direction, ring);
      if (!view.ok()) return view.status();
      if (absl::Status status = AttachInterrupt(requests[ring], *queues[ring], **view);
          !status.ok()) {
        return status;
      }
      made.emplace_back(queues[ring], *std::move(view));
    }
    return absl::OkStatus();
  };
  absl::Status status = make(layout.to_switch, queues_.to_switch, Direction::kToSwitch);
  if (status.ok()) status = make(layout.to_peer, queues_.to_peer, Direction::kToPeer);
  if (!status.ok()) return status;

  for (auto& [queue, view] : made) {
    queue->Reset();
    if (queue->direction() == Direction::kToSwitch) DeclineKicks(*view);
    if (view->buffer_size != 0) {
      for (uint16_t i = 0; i < view->size; ++i) StoreDescriptor(*view, i, EmptyBuffer(*view, i));
      view->peer_index.Store<uint16_t>(0);
    }
    Show(*queue, *view, std::memory_order_release);
  }
  for (auto& [queue, view] : made) queue->view.Store(services_.rcu, std::move(view));
  services_.loop.Cancel(std::exchange(deadline_, 0));
  running_ = true;
  owner_.OnRunning();
  return absl::OkStatus();
}

absl::Status Session::Health() const {
  if (!running_) return absl::OkStatus();
  for (const std::vector<Queue*>* queues : {&queues_.to_switch, &queues_.to_peer}) {
    for (size_t ring = 0; ring < queues->size(); ++ring) {
      const Queue& queue = *(*queues)[ring];
      if (queue.error() != RingError::kNone) return Failed(queue.direction(), ring, queue.error());
    }
  }
  if (regions().faulted()) return Failed(Direction::kToSwitch, 0, RingError::kMemoryFaulted);
  if (services_.notifier.blocked(queues_.to_peer[0]->port())) {
    return Failed(Direction::kToPeer, 0, RingError::kInterruptBlocked);
  }
  return absl::OkStatus();
}

bool Session::PeerGone() const {
  pollfd other{.fd = socket_.get(), .events = POLLRDHUP, .revents = 0};
  return poll(&other, 1, 0) > 0 && (other.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

}  // namespace weft::memif
