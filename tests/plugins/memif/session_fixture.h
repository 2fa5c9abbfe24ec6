// SPDX-License-Identifier: Apache-2.0
// A session and a peer at the two ends of a socketpair, one thread, no workers.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plugins/memif/session.h"
#include "tests/plugins/memif/peer.h"

namespace weft::memif::testing {

// What stands behind one end of a connection that is weft's.
class End final : public Session::Owner {
 public:
  static constexpr size_t kPairs = 2;

  End(EventLoop& loop, Rcu& rcu, Notifier& notifier, PortId port) : services_{loop, rcu, notifier} {
    options.queue_pairs = kPairs;
    for (size_t i = 0; i < kPairs; ++i) {
      to_switch.push_back(std::make_unique<Queue>(port, Direction::kToSwitch));
      to_peer.push_back(std::make_unique<Queue>(port, Direction::kToPeer));
    }
  }
  void OnRunning() override { ++runs; }
  void OnEnded(const absl::Status& why) override {
    ended = why;
    session.reset();
  }
  void Start(UniqueFd socket) {
    ended.reset();
    messages.emplace(options.message_burst, options.messages_per_second);
    Queues queues;
    for (const auto& queue : to_switch) queues.to_switch.push_back(queue.get());
    for (const auto& queue : to_peer) queues.to_peer.push_back(queue.get());
    session = std::make_unique<Session>(services_, std::move(queues), std::move(socket), options,
                                        *messages, closing, *this);
    session->Begin();
  }
  bool AnyRuns() const {
    for (size_t i = 0; i < kPairs; ++i) {
      if (to_switch[i]->view.Load() != nullptr || to_peer[i]->view.Load() != nullptr) return true;
    }
    return false;
  }

  SessionOptions options;
  std::vector<std::unique_ptr<Queue>> to_switch, to_peer;
  std::optional<TokenBucket> messages;
  Closing closing;
  std::optional<absl::Status> ended;
  int runs = 0;
  std::unique_ptr<Session> session;

 private:
  const Services services_;
};

class SessionFixture : public ::testing::Test {
 protected:
  // One turn of the control thread.
  void Turn() {
    loop_.RunOnce(Time::zero());
    rcu_.Poll();
  }
  void Connect(Role role) {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    end_.options.role = role;
    peer_.emplace(UniqueFd(ends[1]));
    end_.Start(UniqueFd(ends[0]));
  }
  // Sends a message as a client and expects this answer.
  void Ask(const Message& message, int fd, MessageType answer) {
    if (fd >= 0) {
      peer_->Send(message, fd);
    } else {
      peer_->Send(message);
    }
    // It may have to wait: descriptors of the session before are being closed.
    MessageType got = MessageType::kNone;
    for (int i = 0; i < 10'000 && got == MessageType::kNone && !end_.ended; ++i) {
      loop_.RunOnce(std::chrono::milliseconds(i == 0 ? 0 : 1));
      rcu_.Poll();
      got = peer_->ReadType();
    }
    ASSERT_EQ(got, answer) << (end_.ended ? end_.ended->ToString() : "no reason");
  }
  // A client that does everything right, up to what it is told to leave away.
  void Introduce() {
    Connect(Role::kServer);
    ASSERT_EQ(peer_->ReadType(), MessageType::kHello);
    Ask(InitMessage(), -1, MessageType::kAck);
  }
  void Share() {
    Introduce();
    Ask(RegionMessage(client_.memory.size()), client_.memory.fd(), MessageType::kAck);
  }
  void AddRings() {
    Share();
    Ask(RingMessage(true, client_.out), interrupt_out_.get(), MessageType::kAck);
    Ask(RingMessage(false, client_.in), interrupt_in_.get(), MessageType::kAck);
  }
  void Run() {
    AddRings();
    Ask(ConnectMessage(), -1, MessageType::kConnected);
    ASSERT_TRUE(end_.session->running());
  }
  // Expects the session to end with this in its reason, and the peer to hear of it.
  void ExpectEnd(const std::string& reason) {
    for (int i = 0; i < 1'000 && !end_.ended.has_value(); ++i) Turn();
    ASSERT_TRUE(end_.ended.has_value()) << "expected: " << reason;
    EXPECT_THAT(std::string(end_.ended->message()), ::testing::HasSubstr(reason));
    EXPECT_FALSE(end_.AnyRuns());
    bool told = false;
    while (const std::optional<Received> last = peer_->Read()) {
      told = told || last->message.type == MessageType::kDisconnect;
    }
    EXPECT_TRUE(peer_->closed());
    EXPECT_EQ(told, !IsOrderly(*end_.ended));
  }

  EventLoop loop_;
  Rcu rcu_;
  Notifier notifier_;
  ClientMemory client_;
  UniqueFd interrupt_out_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  UniqueFd interrupt_in_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  End end_{loop_, rcu_, notifier_, PortId(3)};
  std::optional<Peer> peer_;
};

}  // namespace weft::memif::testing
