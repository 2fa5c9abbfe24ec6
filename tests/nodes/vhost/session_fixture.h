// SPDX-License-Identifier: Apache-2.0
// A session and a front-end at the two ends of a socketpair, one thread, no workers unless a test
// registers some.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <optional>
#include <string>

#include "nodes/vhost/session.h"
#include "tests/support/front_end.h"

namespace weft::vhost::testing {

class SessionFixture : public ::testing::Test, public Session::Owner {
 protected:
  void OnRingsChanged() override { ++changes_; }
  void OnEnded(const absl::Status& why) override {
    ended_ = why;
    session_.reset();
  }

  // One turn of the control thread.
  void Turn() {
    loop_.RunOnce(Time::zero());
    rcu_.Poll();
  }
  void Turns(int count) {
    for (int i = 0; i < count; ++i) Turn();
  }
  void Connect() {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ended_.reset();
    front_end_.Adopt(UniqueFd(ends[1]));
    messages_.emplace(limits_.message_burst, limits_.messages_per_second);
    session_ = std::make_unique<Session>(Services{loop_, rcu_, notifier_},
                                         Session::Queues{&to_guest_, &to_switch_},
                                         UniqueFd(ends[0]), limits_, *messages_, closing_, *this);
  }
  // Expects the session to end with this in its reason.
  void ExpectEnd(const std::string& reason) {
    for (int i = 0; i < 1'000 && !ended_.has_value(); ++i) Turn();
    ASSERT_TRUE(ended_.has_value()) << "expected: " << reason;
    EXPECT_THAT(std::string(ended_->message()), ::testing::HasSubstr(reason));
    EXPECT_TRUE(front_end_.Closed());
    EXPECT_EQ(to_guest_.view.Load(), nullptr);
    EXPECT_EQ(to_switch_.view.Load(), nullptr);
  }

  EventLoop loop_;
  Rcu rcu_;
  Notifier notifier_;
  SessionLimits limits_;
  Queue to_guest_{PortId(3), Direction::kToGuest};
  Queue to_switch_{PortId(3), Direction::kToSwitch};
  std::optional<TokenBucket> messages_;
  Closing closing_;
  std::optional<absl::Status> ended_;
  int changes_ = 0;
  FrontEnd front_end_{[this] { Turn(); }};
  std::unique_ptr<Session> session_;
};

}  // namespace weft::vhost::testing
