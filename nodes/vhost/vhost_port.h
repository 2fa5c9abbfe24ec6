// SPDX-License-Identifier: Apache-2.0
// A container's port: its socket, at most one Session at a time, and the queues that outlive
// sessions. Control thread; whoever manages ports owns it, and calls Check from one timer for all
// of them.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/ids.h"
#include "core/base/labels.h"
#include "core/base/log.h"
#include "core/tenant/closing.h"
#include "core/tenant/endpoint.h"
#include "core/tenant/token_bucket.h"
#include "nodes/vhost/queue.h"
#include "nodes/vhost/session.h"

namespace weft::vhost {

enum class PortState : uint8_t { kWaiting, kConnected, kUp, kError };
inline constexpr auto kPortStates = Labels<PortState>({
    {PortState::kWaiting, "waiting", "no container is connected"},
    {PortState::kConnected, "connected", "a container is connected, its rings do not run yet"},
    {PortState::kUp, "up", "its first queue pair runs"},
    {PortState::kError, "error", "the container broke a rule; it may connect again"},
});

class VhostPort final : private Session::Owner, private Endpoint::Owner {
 public:
  // What the shell shows. Numbers about a session are zero while there is none.
  struct Info {
    PortState state = PortState::kWaiting;
    std::string reason;  // why it is in error, or why nobody is connected; may be empty
    std::string socket;
    uint64_t features = 0;                // virtio feature bits that the container accepted
    uint32_t driver_mtu = 0;              // that its driver was told, 0 if none
    std::array<uint32_t, 2> ring_size{};  // of the first queue pair, by Direction
    size_t queues_running = 0;            // queue pairs of which both rings run
    size_t memory_regions = 0;
    uint64_t memory_bytes = 0;
    pid_t peer_pid = 0;
    uid_t peer_uid = 0;
    uint64_t connections = 0;                        // since the port was made
    std::array<std::optional<RingLevel>, 2> levels;  // of the first queue pair, by Direction
  };
  // Called when both rings of the first queue pair begin, and when one ceases, to run. They must
  // not destroy the port.
  struct Callbacks {
    std::function<void()> on_up;
    std::function<void()> on_down;
  };

  // How often Check wants to be called.
  static constexpr Time kCheckPeriod = std::chrono::milliseconds(20);

  VhostPort(Services services, PortId id, std::string name, EndpointOptions options,
            size_t queue_pairs, const SessionLimits& limits, Callbacks callbacks);
  // Ends the session; its memory and descriptors go after quiescence. on_down is not called.
  ~VhostPort() override;
  VhostPort(const VhostPort&) = delete;
  VhostPort& operator=(const VhostPort&) = delete;

  const EndpointOptions& endpoint() const { return options_; }
  // Prepares the socket and begins to take connections. An error says which file and what to do.
  absl::Status Open();

  // Looks for what workers, the kernel or the notifier found wrong: then the port is in error and
  // the connection closed.
  void Check();

  PortState state() const { return state_; }
  Info Describe() const;
  // For the VhostTable, which shares them. They run only while a session says so.
  const std::shared_ptr<Queue>& queue(Direction direction, size_t pair = 0) const {
    return queues_[RingOf(pair, direction)];
  }
  size_t queue_pairs() const { return queues_.size() / 2; }

 private:
  void OnRingsChanged() override;
  void OnEnded(const absl::Status& why) override;
  void OnConnection(UniqueFd socket) override;
  bool OnSurplus() override;
  void OnDiscarded(UniqueFd socket) override { closing_.Close(std::move(socket)); }
  void OnUnreachable(const absl::Status& why) override;

  void Reopen(Time pause);
  bool PairRuns(size_t pair) const;  // there is a session
  void SetUp(bool up);
  // One line about this port; a container cannot make more than a few of them a second.
  void Log(LogLevel level, const std::string& message);

  const Services services_;
  const std::string name_;
  const EndpointOptions options_;
  const SessionLimits limits_;
  const Callbacks callbacks_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::vector<std::shared_ptr<Queue>> queues_;  // by ring

  PortState state_ = PortState::kWaiting;
  std::string reason_;
  pid_t peer_pid_ = 0;
  uid_t peer_uid_ = 0;
  uint64_t connections_ = 0;
  TokenBucket messages_;
  TokenBucket log_lines_;
  uint64_t suppressed_lines_ = 0;
  EventLoop::TimerId reopen_ = 0;
  Closing closing_;
  std::unique_ptr<Endpoint> endpoint_;
  std::unique_ptr<Session> session_;
};

}  // namespace weft::vhost
