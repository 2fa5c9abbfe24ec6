// SPDX-License-Identifier: Apache-2.0
#include "core/packet/packet_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weft {
namespace {

using ::testing::HasSubstr;

// An IPv4 packet: protocol, from 10.0.0.1 to 10.0.0.2, ports 1000 to 53.
std::vector<uint8_t> Ipv4(uint8_t protocol, size_t length = 64) {
  std::vector<uint8_t> frame = {
      2,    0,    0, 0,  0, 2,  2, 0, 0,  0,        0, 1, 0x08, 0x00,  // Ethernet
      0x45, 0,    0, 50, 0, 0,  0, 0, 64, protocol, 0, 0, 10,   0,    0, 1, 10, 0, 0, 2,  // IPv4
      0x03, 0xe8, 0, 53, 0, 30, 0, 0};                                                    // ports
  frame.resize(length);
  return frame;
}

bool Passes(std::string_view filter, const std::vector<uint8_t>& frame) {
  const auto compiled = PacketFilter::Compile(filter);
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  return compiled.ok() && (*compiled)->Matches(frame.data(), frame.size(), frame.size());
}

std::string ErrorOf(std::string_view filter) {
  const auto compiled = PacketFilter::Compile(filter);
  EXPECT_FALSE(compiled.ok()) << filter;
  return std::string(compiled.status().message());
}

TEST(PacketFilter, TellsFramesApart) {
  const std::vector<uint8_t> udp = Ipv4(17);
  const std::vector<uint8_t> tcp = Ipv4(6);
  for (const auto& [filter, passes] : std::initializer_list<std::pair<const char*, bool>>{
           {"udp", true},
           {"tcp", false},
           {"ip", true},
           {"ip6", false},
           {"udp port 53", true},
           {"udp dst port 53 and src port 1000", true},
           {"udp port 54", false},
           {"portrange 50-60", true},
           {"portrange 54-60", false},
           {"host 10.0.0.2", true},
           {"net 10.0.0.0/24", true},
           {"net 10", true},
           {"src net 10.1.0.0 mask 255.255.0.0", false},
           {"ether src 02:00:00:00:00:01", true},
           {"ether src 02-00-00-00-00-01", true},
           {"ether dst 0200.0000.0001", false},
           {"ether[0:2] = 0x0200", true},
           {"ip[9] == 17", true},
           {"ether proto 0x800", true},
           {"ip6 host fe80::1 or icmp or udp", true},
           {"tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", false},
           {"not (vlan 5) and less 64", true},
           {"greater 65", false},
           {"len = 64", true},
           {"icmp6[icmp6type] = icmp6-neighborsolicit", false}}) {
    EXPECT_EQ(Passes(filter, udp), passes) << filter;
  }
  EXPECT_TRUE(Passes("tcp", tcp));
}

TEST(PacketFilter, ErrorsAreLibpcapsWords) {
  EXPECT_THAT(ErrorOf("tcp and"), HasSubstr("syntax error"));
  EXPECT_THAT(ErrorOf("port 70000"), HasSubstr("70000"));
  EXPECT_THAT(ErrorOf("ip broadcast"), HasSubstr("netmask"));
  EXPECT_THAT(ErrorOf("ether host 10.0.0.1"), HasSubstr("link layer address"));
}

// Whoever looked one up would ask files and servers, and wait for them.
TEST(PacketFilter, LooksUpNoName) {
  for (const char* filter :
       {"host example.com", "port http", "net loopback", "ip proto \\tcp", "host 1e100.net",
        "ether host router", "gateway gw", "portrange http-https", "udp or www", "host 10.a",
        "tcp[a:2]", "len-14", "host abc.de", "port tcp-x"}) {
    EXPECT_THAT(ErrorOf(filter), HasSubstr("no name is looked up")) << filter;
  }
}

TEST(PacketFilter, IsBounded) {
  EXPECT_THAT(ErrorOf(""), HasSubstr("empty"));
  EXPECT_THAT(ErrorOf(" \t"), HasSubstr("empty"));
  EXPECT_THAT(ErrorOf(std::string(PacketFilter::kMaxText + 1, ' ')), HasSubstr("longer than"));
  EXPECT_THAT(ErrorOf("ip6 protochain 6"), HasSubstr("loops"));
  std::string many = "ether[0]=1";
  for (int i = 1; many.size() < PacketFilter::kMaxText - 20; ++i)
    many += " or ip[1]=" + std::to_string(i);
  EXPECT_TRUE(PacketFilter::Compile(many).ok());
}

TEST(PacketFilter, WhatItCannotSeeDoesNotMatch) {
  const std::vector<uint8_t> frame(1000, 1);
  const auto filter = *PacketFilter::Compile("ether[255] = 1");
  EXPECT_TRUE(filter->Matches(frame.data(), 256, 1000));
  EXPECT_FALSE(filter->Matches(frame.data(), 255, 1000));
  const auto beyond = *PacketFilter::Compile("ether[256] = 1");
  EXPECT_FALSE(beyond->Matches(frame.data(), 1000, 1000)) << "the same on every path";
  const auto length = *PacketFilter::Compile("len = 1000");
  EXPECT_TRUE(length->Matches(frame.data(), 14, 1000));
}

}  // namespace
}  // namespace weft
