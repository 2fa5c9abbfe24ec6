// SPDX-License-Identifier: Apache-2.0
#include "core/packet/frame_text.h"

#include <gtest/gtest.h>

#include <memory>
#include <string_view>
#include <vector>

#include "core/base/text.h"

namespace weft {
namespace {

// "0200 08": bytes in hexadecimal.
std::vector<uint8_t> Bytes(std::string_view hex) {
  std::vector<uint8_t> bytes;
  std::string digits;
  for (const char c : hex) {
    if (c == ' ') continue;
    digits += c;
    if (digits.size() == 2) {
      bytes.push_back(static_cast<uint8_t>(std::stoi(digits, nullptr, 16)));
      digits.clear();
    }
  }
  return bytes;
}

constexpr std::string_view kTo1From2 = "020000000001 020000000002 ";

std::string Describe(std::string_view rest) {
  return DescribeFrame(Bytes(std::string(kTo1From2) + std::string(rest)));
}

TEST(FrameText, SaysWhatIsInIt) {
  const std::string way = "02:00:00:00:00:02 > 02:00:00:00:00:01";
  EXPECT_EQ(Describe("88b5 00"), way + ", type 0x88b5");
  EXPECT_EQ(Describe("0806 0001 0800 06 04 0001 020000000002 0a000002 000000000000 0a000001"),
            way + ", ARP who has 10.0.0.1, tell 10.0.0.2");
  EXPECT_EQ(Describe("0806 0001 0800 06 04 0002 020000000002 0a000002 020000000001 0a000001"),
            way + ", ARP 10.0.0.2 is at 02:00:00:00:00:02");
  EXPECT_EQ(Describe("0800 45 00 0054 0000 4000 40 01 0000 0a000002 0a000001 08"),
            way + ", IPv4 10.0.0.2 > 10.0.0.1, ICMP type 8");
  EXPECT_EQ(Describe("8100 2007 0800 45 00 0054 0000 4000 40 11 0000 0a000002 0a000001 0035 0fa0"),
            way + ", VLAN 7, IPv4 10.0.0.2 > 10.0.0.1, UDP 53 > 4000");
  EXPECT_EQ(Describe("88a8 0001 8100 0002 86dd 60"), way + ", VLAN 1, VLAN 2, IPv6");
  EXPECT_EQ(Describe("0800 46 00 0054 0000 0000 40 06 0000 0a000002 0a000001 01010101 0050 1000"),
            way + ", IPv4 10.0.0.2 > 10.0.0.1, TCP 80 > 4096")
      << "options before the ports";
  EXPECT_EQ(Describe("0800 45 00 0054 0000 00b9 40 11 0000 0a000002 0a000001 0035 0fa0"),
            way + ", IPv4 10.0.0.2 > 10.0.0.1, a later fragment")
      << "its first bytes are no ports";
}

TEST(FrameText, StopsWhereTheBytesEnd) {
  const std::vector<uint8_t> whole =
      Bytes(std::string(kTo1From2) +
            "8100 2007 0800 45 00 0054 0000 4000 40 11 0000 0a000002 0a000001 0035 0fa0");
  const std::string all = DescribeFrame(whole);
  for (size_t length = 0; length < whole.size(); ++length) {
    // On the heap, exactly so long: the address sanitizer sees a byte too many.
    const auto bytes = std::make_unique<uint8_t[]>(length);
    std::copy_n(whole.begin(), length, bytes.get());
    const std::string text = DescribeFrame({bytes.get(), length});
    EXPECT_EQ(text, all.substr(0, text.size())) << length;
    EXPECT_LT(text.size(), all.size()) << length;
  }
}

TEST(FrameText, ALengthThatIsTooSmallIsNoHeader) {
  EXPECT_EQ(Describe("0800 40 00 0054 0000 4000 40 11 0000 0a000002 0a000001 0035 0fa0"),
            "02:00:00:00:00:02 > 02:00:00:00:00:01, IPv4 10.0.0.2 > 10.0.0.1");
}

TEST(FrameText, AnArpPacketOfOtherLengthsIsNotRead) {
  const std::string way = "02:00:00:00:00:02 > 02:00:00:00:00:01, ARP";
  const std::string_view rest = " 0001 020000000002 0a000002 000000000000 0a000001";
  for (const std::string_view lengths : {"06 10", "08 04", "00 00"}) {
    EXPECT_EQ(Describe(Cat("0806 0001 0800 ", lengths, rest)), way) << lengths;
  }
  EXPECT_EQ(Describe(Cat("0806 0006 0800 06 04", rest)), way) << "IEEE 802's hardware";
  EXPECT_EQ(Describe(Cat("0806 0001 86dd 06 04", rest)), way) << "another protocol's addresses";
}

}  // namespace
}  // namespace weft
