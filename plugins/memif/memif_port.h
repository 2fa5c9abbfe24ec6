// SPDX-License-Identifier: Apache-2.0
// A memif peer's port: its socket, at most one Session at a time, and the queues that outlive
// sessions. Control thread; whoever manages ports owns it, and calls Check from one timer for all
// of them.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "plugins/memif/session.h"

namespace weft::memif {

enum class State : uint8_t { kWaiting, kConnected, kUp, kError };
inline constexpr auto kStates = Labels<State>({
    {State::kWaiting, "waiting", "no peer is connected"},
    {State::kConnected, "connected", "a peer is connected, its rings do not run yet"},
    {State::kUp, "up", "its rings run"},
    {State::kError, "error", "the peer broke a rule; it may connect again"},
});

class MemifPort final : private Session::Owner, private Endpoint::Owner {
 public:
  // What the shell shows. Numbers about a session are zero while there is none.
  struct Info {
    State state = State::kWaiting;
    std::string reason;  // why it is in error, or why nobody is connected; may be empty
    std::string peer_name;
    std::string peer_interface;
    std::array<size_t, 2> rings{};        // that run, by Direction
    std::array<uint16_t, 2> ring_size{};  // of the first of them, by Direction
    std::array<uint16_t, 2> level{};      // of the first: free to the peer, waiting to the switch
    size_t memory_regions = 0;
    uint64_t memory_bytes = 0;
    pid_t peer_pid = 0;
    uid_t peer_uid = 0;
    uint64_t connections = 0;  // since the port was made
  };
  // Called when the rings begin, and when they cease, to run. They must not destroy the port.
  struct Callbacks {
    std::function<void()> on_up;
    std::function<void()> on_down;
  };

  // How often Check wants to be called.
  static constexpr Time kCheckPeriod = std::chrono::milliseconds(20);

  MemifPort(Services services, PortId id, std::string name, EndpointOptions endpoint,
            SessionOptions options, Callbacks callbacks);
  // Ends the session; its memory and descriptors go after quiescence. on_down is not called.
  ~MemifPort() override;
  MemifPort(const MemifPort&) = delete;
  MemifPort& operator=(const MemifPort&) = delete;

  const EndpointOptions& endpoint() const { return endpoint_options_; }
  const SessionOptions& options() const { return options_; }
  // Prepares the socket and begins to take connections, or to make them. An error says which file
  // and what to do.
  absl::Status Open();

  // Looks for what workers, the kernel or the notifier found wrong: then the port is in error and
  // the connection closed.
  void Check();

  Info Describe() const;
  // For the MemifTable, which shares them. They run only while a session says so.
  const std::shared_ptr<Queue>& to_switch(size_t pair) const { return to_switch_[pair]; }
  const std::shared_ptr<Queue>& to_peer(size_t pair) const { return to_peer_[pair]; }

 private:
  void OnRunning() override;
  void OnEnded(const absl::Status& why) override;
  void OnConnection(UniqueFd socket) override;
  bool OnSurplus() override;
  void OnDiscarded(UniqueFd socket) override { closing_.Close(std::move(socket)); }
  void OnUnreachable(const absl::Status& why) override;

  void Reopen(Time pause);
  // One line about this port; a peer cannot make more than a few of them a second.
  void Report(LogLevel level, const std::string& message);

  const Services services_;
  const std::string name_;
  const EndpointOptions endpoint_options_;
  const SessionOptions options_;
  const Callbacks callbacks_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::vector<std::shared_ptr<Queue>> to_switch_;
  std::vector<std::shared_ptr<Queue>> to_peer_;

  State state_ = State::kWaiting;
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

}  // namespace weft::memif
