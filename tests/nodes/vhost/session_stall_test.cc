// SPDX-License-Identifier: Apache-2.0
// What a tenant does to make the control thread wait, to pile things up in it, or to have its
// errors forgotten. Where a test stands still, the control thread does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <span>
#include <string>
#include <vector>

#include "tests/nodes/vhost/session_fixture.h"
#include "tests/support/descriptors.h"
#include "tests/support/lingering_socket.h"

namespace weft::vhost {
namespace {

using ::testing::HasSubstr;
using weft::testing::LingeringSocket;
using weft::testing::OpenDescriptors;

class StallTest : public testing::SessionFixture {
 protected:
  // Ends the wait of whoever closes `lingering`.
  void Settle(LingeringSocket& lingering) {
    EXPECT_TRUE(closing_.busy()) << "somebody waits, and it is not us";
    lingering.Release();
    while (closing_.busy()) usleep(100);
  }
  void SendKick(uint32_t ring, std::span<const int> fds) {
    front_end_.Send(Request::kSetVringKick, NumberPayload{ring}, fds);
  }
  void SetCall(uint32_t ring, int fd) {
    front_end_.Send(Request::kSetVringCall, NumberPayload{ring}, {&fd, 1});
  }
};

TEST_F(StallTest, ADescriptorThatLingers) {
  Connect();
  LingeringSocket lingering;
  const int fd = lingering.get();
  SendKick(0, {&fd, 1});
  lingering.PassedOn();
  ExpectEnd("is not an eventfd");
  Settle(lingering);
}

TEST_F(StallTest, MoreDescriptorsThanAMessageMayHave) {
  Connect();
  LingeringSocket lingering;
  const std::vector<int> fds(20, lingering.get());
  SendKick(0, fds);
  lingering.PassedOn();
  ExpectEnd("more than 8 descriptors");
  Settle(lingering);
}

TEST_F(StallTest, ADescriptorOfHalfAMessage) {
  Connect();
  LingeringSocket lingering;
  const int fd = lingering.get();
  const std::byte first{};
  front_end_.SendRaw({&first, 1}, {&fd, 1});
  lingering.PassedOn();
  Turn();
  front_end_.Disconnect();
  while (!ended_.has_value()) Turn();
  Settle(lingering);
}

TEST_F(StallTest, ADescriptorThatNobodyHasRead) {
  Connect();
  LingeringSocket lingering;
  const int fd = lingering.get();
  front_end_.Send(static_cast<Request>(99));
  SendKick(0, {&fd, 1});
  lingering.PassedOn();
  ExpectEnd("request 99 is unknown");
  Settle(lingering);
}

TEST_F(StallTest, ReplacedDescriptorsDoNotPileUp) {
  Connect();
  front_end_.Handshake();
  rcu_.Register(WorkerId(0));  // in a dispatch, from now on
  const size_t before = OpenDescriptors();
  for (int i = 0; i < 50; ++i) {
    const int kick = front_end_.kick_fd(1);
    SendKick(1, {&kick, 1});
    SetCall(1, front_end_.call_fd(1));
  }
  Turns(10);
  EXPECT_LE(OpenDescriptors(), before + 1) << "the next one waits for the worker";
  rcu_.Unregister(WorkerId(0));
  ASSERT_TRUE(front_end_.Ask(Request::kGetFeatures).has_value()) << "all were served";
  EXPECT_TRUE(session_->Health().ok());
}

TEST_F(StallTest, AStopDoesNotMakeABadRingGood) {
  Connect();
  front_end_.Handshake();
  to_switch_.Fail(RingError::kHeadOutOfRange);
  front_end_.Send(Request::kGetVringBase, RingPayload{1, 0});
  ExpectEnd("names a descriptor that is not in the table");
  EXPECT_FALSE(absl::IsCancelled(*ended_));
}

TEST_F(StallTest, AnotherCallDescriptorDoesNotMakeABlockedPortGood) {
  Connect();
  front_end_.Handshake();
  const UniqueFd full(eventfd(0, EFD_CLOEXEC));
  ASSERT_EQ(eventfd_write(full.get(), 0xffff'ffff'ffff'fffe), 0);
  SetCall(1, full.get());
  front_end_.Ask(Request::kGetFeatures);
  notifier_.Notify(to_switch_.Running()->call);
  while (!notifier_.blocked(to_switch_.port())) usleep(100);
  SetCall(1, front_end_.call_fd(1));
  front_end_.Ask(Request::kGetFeatures);
  EXPECT_THAT(std::string(session_->Health().message()), HasSubstr("would have blocked"));

  session_.reset();
  Turn();
  Connect();
  EXPECT_TRUE(session_->Health().ok()) << "a reconnect clears it";
}

}  // namespace
}  // namespace weft::vhost
