// SPDX-License-Identifier: Apache-2.0
#include "core/base/inet_address.h"

#include <gtest/gtest.h>

namespace weft {
namespace {

TEST(InetAddress, ReadsWhatItWrites) {
  for (const char* text : {"127.0.0.1:9464", "0.0.0.0:0", "192.168.1.255:65535", "[::1]:9464",
                           "[::]:1", "[2001:db8::7]:80"}) {
    const std::optional<InetAddress> address = InetAddress::Parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->ToString(), text);
  }
}

TEST(InetAddress, ReadsNothingElse) {
  for (const char* text :
       {"", ":", "9464", ":9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
        "127.0.0.1: 1", "127.0.0.1:1x", "127.0.0:1", "localhost:9464", "::1:9464", "[::1]", "[]:1",
        "[127.0.0.1]:1", "[::1:9464", "unix:/tmp/x"}) {
    EXPECT_FALSE(InetAddress::Parse(text)) << text;
  }
}

TEST(ListenTcp, AnyFreePort) {
  const absl::StatusOr<UniqueFd> first = ListenTcp(*InetAddress::Parse("127.0.0.1:0"));
  ASSERT_TRUE(first.ok()) << first.status();
  const InetAddress address = InetAddress::OfSocket(first->get());
  EXPECT_NE(address.ToString(), "127.0.0.1:0");
  EXPECT_TRUE(address.ToString().starts_with("127.0.0.1:")) << address.ToString();

  const absl::StatusOr<UniqueFd> second = ListenTcp(address);
  ASSERT_FALSE(second.ok());
  EXPECT_TRUE(second.status().message().find(address.ToString()) != std::string::npos)
      << second.status();
}

}  // namespace
}  // namespace weft
