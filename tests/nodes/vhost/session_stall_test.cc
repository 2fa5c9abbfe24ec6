// SPDX-License-Identifier: Apache-2.0
// What a tenant does to make the control thread wait. Where a test stands still, the control thread does.
#include <gtest/gtest.h>
#include <unistd.h>

#include <span>
#include <vector>

#include "tests/nodes/vhost/session_fixture.h"
#include "tests/support/lingering_socket.h"

namespace weft::vhost {
namespace {

using weft::testing::LingeringSocket;

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

}  // namespace
}  // namespace weft::vhost
