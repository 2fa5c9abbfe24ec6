// SPDX-License-Identifier: Apache-2.0
#include "plugins/tap/link_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <cerrno>
#include <cstring>
#include <map>

namespace weft::tap {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

using Bytes = std::vector<uint8_t>;

// The attributes of the message by number.
std::map<int, Bytes> AttributesOf(const Bytes& message) {
  uint32_t length = 0;
  std::memcpy(&length, message.data(), sizeof(length));
  EXPECT_EQ(length, message.size());
  std::map<int, Bytes> found;
  for (size_t at = NLMSG_HDRLEN + sizeof(ifinfomsg); at < message.size();) {
    rtattr attribute;
    std::memcpy(&attribute, message.data() + at, sizeof(attribute));
    const auto data = message.begin() + static_cast<ptrdiff_t>(at + sizeof(attribute));
    const auto size = static_cast<ptrdiff_t>(attribute.rta_len - sizeof(attribute));
    found[attribute.rta_type] = Bytes(data, data + size);
    at += RTA_ALIGN(size_t{attribute.rta_len});
  }
  return found;
}

TEST(LinkMessageTest, SaysEverythingAtOnce) {
  const Bytes message = LinkMessage(7, {.name = "eth0",
                                        .mtu = 9000,
                                        .queue_length = 500,
                                        .mac = MacAddress::Parse("02:00:00:00:00:11"),
                                        .netns = 5});
  nlmsghdr header;
  ifinfomsg info;
  std::memcpy(&header, message.data(), sizeof(header));
  std::memcpy(&info, message.data() + NLMSG_HDRLEN, sizeof(info));
  EXPECT_EQ(header.nlmsg_type, RTM_NEWLINK);
  EXPECT_EQ(header.nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK) << "no CREATE: it is there";
  EXPECT_EQ(info.ifi_index, 7);
  EXPECT_EQ(info.ifi_flags, unsigned{IFF_UP});
  EXPECT_EQ(info.ifi_change, unsigned{IFF_UP}) << "no other flag is touched";
  EXPECT_THAT(AttributesOf(message), ElementsAre(Pair(IFLA_ADDRESS, Bytes{2, 0, 0, 0, 0, 0x11}),
                                                 Pair(IFLA_IFNAME, Bytes{'e', 't', 'h', '0', 0}),
                                                 Pair(IFLA_MTU, Bytes{0x28, 0x23, 0, 0}),
                                                 Pair(IFLA_TXQLEN, Bytes{0xf4, 1, 0, 0}),
                                                 Pair(IFLA_NET_NS_FD, Bytes{5, 0, 0, 0}),
                                                 Pair(IFLA_GSO_MAX_SEGS, Bytes{128, 0, 0, 0})));
}

TEST(LinkMessageTest, LeavesOutWhatIsNotWanted) {
  const std::map<int, Bytes> found = AttributesOf(LinkMessage(7, {.name = "a"}));
  EXPECT_EQ(found.count(IFLA_NET_NS_FD), 0U);
  EXPECT_EQ(found.count(IFLA_ADDRESS), 0U);
}

TEST(LinkMessageTest, TheKernelsAnswerIsAnErrno) {
  // Without rights it is EPERM, with them there is no such interface.
  const int error = ChangeLink(0x7fff'fff0, {.name = "none"});
  EXPECT_TRUE(error == ENODEV || error == EPERM) << error;
}

}  // namespace
}  // namespace weft::tap
