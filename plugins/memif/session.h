// SPDX-License-Identifier: Apache-2.0
// One connection of one port: the handshake, the shared memory, and the rings. It inherits nothing
// from the session before it and leaves nothing behind. Control thread; the MemifPort owns it.
//
// Rings start once, together, when both ends have said all that there is to say. After that the
// only message is a farewell.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plugins/memif/handshake.h"
#include "plugins/memif/queue.h"

namespace weft::memif {

// What all memif ports share; outlives them.
struct Services {
  EventLoop& loop;
  Rcu& rcu;
  Notifier& notifier;
};

// The queues of a port, a pair each of the same length.
struct Queues {
  std::vector<Queue*> to_switch;
  std::vector<Queue*> to_peer;
};

// True if the other end has ended the connection, as it may.
inline bool IsOrderly(const absl::Status& why) {
  return absl::IsCancelled(why) || absl::IsAborted(why);
}

class Session {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // The rings run. Do not destroy the session here.
    virtual void OnRunning() = 0;
    // The connection is of no more use: Cancelled if the other end closed it, Aborted with its
    // words if it said farewell, otherwise what it did wrong. The last thing that the session does;
    // it may be destroyed here.
    virtual void OnEnded(const absl::Status& why) = 0;
  };

  // `socket` is connected and non-blocking. No worker may hold a view of the queues. `messages`
  // says how many messages may still come; `closing` takes what the peer leaves behind. Both
  // outlive the session, as `options` do.
  Session(Services services, Queues queues, UniqueFd socket, const SessionOptions& options,
          TokenBucket& messages, Closing& closing, Owner& owner);
  // Takes the rings away from the workers; memory and descriptors go after quiescence.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Begins the handshake. May end the session.
  void Begin();

  // Ok, or what a worker or the kernel found wrong with a running ring.
  absl::Status Health() const;
  // True if the other end has closed, whether or not the loop has noticed.
  bool PeerGone() const;

  bool running() const { return running_; }
  const std::string& peer_name() const { return handshake_->peer_name(); }
  const std::string& peer_interface() const { return handshake_->peer_interface(); }
  const Regions& regions() const { return *handshake_->layout().regions; }
  // What the peer has not done yet; empty if the rings run.
  std::string_view Lacks() const { return running_ ? "" : handshake_->Lacks(); }

 private:
  void OnReadable();
  absl::Status ReadMessages();
  absl::Status Handle();
  absl::Status Start();
  absl::StatusOr<std::unique_ptr<RingView>> MakeView(const RingRequest& request,
                                                     Direction direction, size_t ring) const;
  absl::Status AttachInterrupt(RingRequest& request, Queue& queue, RingView& view) const;
  void Pause(Time wait);
  void End(const absl::Status& why);  // the last call in any call chain

  const Services services_;
  const Queues queues_;
  UniqueFd socket_;
  const SessionOptions& options_;
  TokenBucket& messages_;
  Closing& closing_;
  Owner& owner_;
  const std::unique_ptr<Handshake> handshake_;
  Received received_;
  EventLoop::TimerId deadline_ = 0;
  EventLoop::TimerId pause_ = 0;
  bool running_ = false;
};

}  // namespace weft::memif
