// SPDX-License-Identifier: Apache-2.0
// One vhost-user connection of one port: the handshake, the memory table, and which rings run. It
// inherits nothing from the session before it and leaves nothing behind. Control thread; the
// VhostPort owns it.
//
// A ring starts on its first kick, from one validated snapshot. Whatever takes something away from
// workers (a new memory table, another kick or call eventfd, a stopped or disabled ring) is
// answered when every worker has been quiescent, and until then no further message is read: what is
// replaced cannot pile up.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/clock.h"
#include "core/base/event_loop.h"
#include "core/base/rcu.h"
#include "core/base/unique_fd.h"
#include "core/tenant/closing.h"
#include "core/tenant/notifier.h"
#include "core/tenant/token_bucket.h"
#include "nodes/vhost/guest_memory.h"
#include "nodes/vhost/message.h"
#include "nodes/vhost/queue.h"
#include "nodes/vhost/ring_level.h"
#include "nodes/vhost/ring_setup.h"

namespace weft::vhost {

// What all vhost ports share; outlives them.
struct Services {
  EventLoop& loop;
  Rcu& rcu;
  Notifier& notifier;
};

// How much one container may ask for.
struct SessionLimits {
  uint64_t memory_bytes = uint64_t{64} << 30;
  uint32_t mtu = 1500;                              // that its driver may be told
  bool offload = false;                             // whether kOffloadFeatures are offered
  Time message_deadline = std::chrono::seconds(1);  // from the first byte to the last
  uint32_t message_burst = 128;                     // connections count as messages
  uint32_t messages_per_second = 1000;
};

class Session {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // A ring has begun or ceased to run. Do not destroy the session here.
    virtual void OnRingsChanged() = 0;
    // The connection is of no more use: Cancelled if the other end closed it, otherwise what it did
    // wrong. The last thing that the session does; it may be destroyed here.
    virtual void OnEnded(const absl::Status& why) = 0;
  };
  using Queues = std::vector<Queue*>;  // by ring: two a queue pair, at least one pair

  // `socket` is connected and non-blocking. No worker may hold a view of the queues. `messages`
  // says how many messages may still come; `closing` takes what the container leaves behind. Both
  // outlive the session.
  Session(Services services, Queues queues, UniqueFd socket, const SessionLimits& limits,
          TokenBucket& messages, Closing& closing, Owner& owner);
  // Takes the rings away from the workers; memory and descriptors go after quiescence.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Ok, or what a worker or the kernel found wrong with a running ring.
  absl::Status Health() const;
  // True if the other end has closed, whether or not the loop has noticed.
  bool PeerGone() const;

  bool running(size_t ring) const { return queues_[ring]->view.Load() != nullptr; }
  int socket() const { return socket_.get(); }
  uint64_t features() const { return features_; }
  // The MTU that the container's driver was told; 0 if it was told none.
  uint32_t driver_mtu() const { return (features_ & kFeatureMtu) != 0 ? mtu_ : 0; }
  uint32_t ring_size(size_t ring) const { return rings_[ring].size; }
  const GuestMemory* memory() const { return memory_.get(); }
  // How full a ring is; nothing if it does not run, or is packed.
  std::optional<RingLevel> Level(size_t ring) const;
  // What the container has not done yet of what starts its first queue pair; empty if it runs.
  std::string Lacks() const;

 private:
  friend class SessionRequests;  // the table of requests and their handlers

  void OnReadable();
  absl::Status ReadMessages();
  absl::Status Handle(Message& message);
  // Answers the message in hand, if it wants an acknowledgement.
  absl::Status Acknowledge(bool good);
  void End(const absl::Status& why);  // the last call in any call chain
  void Pause(Time wait);
  void WatchDeadline();

  // Reads no further message until no worker sees what was published before; then `finish`, then
  // the acknowledgement of the message in hand.
  void AfterQuiescence(std::function<absl::Status()> finish);
  void Finish(const std::function<absl::Status()>& finish);

  void WatchKick(size_t ring);
  void UnwatchKick(size_t ring);
  // The ring as it is to be published.
  absl::StatusOr<std::unique_ptr<RingView>> MakeView(size_t ring) const;
  // Starts the ring if all that it needs is there.
  absl::Status Start(size_t ring);
  // Publishes a started ring anew: with new memory, descriptors or enablement.
  absl::Status Republish(size_t ring);
  bool Enabled(const RingSetup& setup) const;
  absl::Status RingHealth(size_t ring) const;  // of a ring that was started
  void Publish(size_t ring, std::unique_ptr<const RingView> view);
  // Takes the rings away from the workers; when they have let go, `finish`.
  void Stop(size_t first, size_t count, std::function<absl::Status()> finish);
  void StopAll() {
    Stop(0, rings_.size(), [] { return absl::OkStatus(); });
  }

  const Services services_;
  const Queues queues_;
  UniqueFd socket_;
  const SessionLimits limits_;
  TokenBucket& messages_;
  Closing& closing_;
  Owner& owner_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  MessageReader reader_;
  std::vector<UniqueFd> unclosed_;  // of a message that was an error
  EventLoop::TimerId deadline_ = 0;
  EventLoop::TimerId pause_ = 0;
  bool waiting_ = false;   // for quiescence
  MessageHeader in_hand_;  // the message that waits for quiescence

  uint64_t features_ = 0;
  uint64_t protocol_features_ = 0;
  uint64_t status_ = 0;
  uint32_t mtu_ = 0;  // by NET_SET_MTU
  std::shared_ptr<const GuestMemory> memory_;
  std::vector<RingSetup> rings_;
};

}  // namespace weft::vhost
