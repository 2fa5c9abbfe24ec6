// SPDX-License-Identifier: Apache-2.0
// Against a second, plain reader of RFC 1071: byte by byte, big-endian, from the frame alone.
#include "plugins/af_xdp/checksum.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weft::af_xdp {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr uint8_t kTcp = 6, kUdp = 17;

void Add16(Bytes& to, uint32_t value) {
  to.push_back(static_cast<uint8_t>(value >> 8));
  to.push_back(static_cast<uint8_t>(value));
}

uint16_t PlainSum(const Bytes& bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    sum += i % 2 == 0 ? uint32_t{bytes[i]} << 8 : uint32_t{bytes[i]};
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<uint16_t>(sum);
}

// A segment in a frame, and where its parts are.
struct Case {
  std::string name{};
  int version = 4;
  uint8_t protocol = kTcp;
  int tags = 0;
  uint32_t payload = 100;
  uint32_t options = 0;  // bytes of IPv4 options, a multiple of 4
  uint32_t padding = 0;  // bytes behind the packet
  uint8_t seed = 1;
};

struct Built {
  Bytes frame;
  Bytes pseudo;  // the pseudo-header
  size_t segment = 0, length = 0, field = 0;

  uint16_t Stored() const { return static_cast<uint16_t>(frame[field] << 8 | frame[field + 1]); }
  void Store(uint16_t value) {
    frame[field] = static_cast<uint8_t>(value >> 8);
    frame[field + 1] = static_cast<uint8_t>(value);
  }
  // As a receiver verifies it: pseudo-header and segment sum to 0xffff (RFC 1071 §1).
  bool Verifies() const {
    Bytes all = pseudo;
    all.insert(all.end(), frame.begin() + static_cast<ptrdiff_t>(segment),
               frame.begin() + static_cast<ptrdiff_t>(segment + length));
    return PlainSum(all) == 0xffff;
  }
};

// With the checksum that a kernel leaves: the pseudo-header's sum.
Built Build(const Case& c) {
  Built built;
  Bytes& frame = built.frame;
  for (int i = 0; i < 12; ++i) frame.push_back(static_cast<uint8_t>(i));
  for (int i = 0; i < c.tags; ++i) {
    Add16(frame, i == 0 && c.tags == 2 ? 0x88a8 : 0x8100);
    Add16(frame, 5);
  }
  const uint32_t header = c.protocol == kTcp ? 20 : 8;
  built.length = header + c.payload;
  Bytes addresses;
  for (int i = 0; i < (c.version == 4 ? 8 : 32); ++i) {
    addresses.push_back(static_cast<uint8_t>(200 + 7 * i));
  }
  Add16(frame, c.version == 4 ? 0x0800 : 0x86dd);
  if (c.version == 4) {
    frame.push_back(static_cast<uint8_t>(0x45 + c.options / 4));
    frame.push_back(0);
    Add16(frame, static_cast<uint32_t>(20 + c.options + built.length));
    Add16(frame, 1);
    Add16(frame, 0x4000);  // do not fragment
    frame.push_back(64);
    frame.push_back(c.protocol);
    Add16(frame, 0);
    frame.insert(frame.end(), addresses.begin(), addresses.end());
    frame.insert(frame.end(), c.options, 1);
  } else {
    Add16(frame, 0x6000);
    Add16(frame, 0);
    Add16(frame, static_cast<uint32_t>(built.length));
    frame.push_back(c.protocol);
    frame.push_back(64);
    frame.insert(frame.end(), addresses.begin(), addresses.end());
  }
  built.segment = frame.size();
  built.field = built.segment + (c.protocol == kTcp ? 16 : 6);
  for (size_t i = 0; i < built.length; ++i) {
    frame.push_back(static_cast<uint8_t>(c.seed * (i + 3) + i / 5));
  }
  frame.insert(frame.end(), c.padding, 0xee);
  built.pseudo = addresses;
  Add16(built.pseudo, c.protocol);
  Add16(built.pseudo, static_cast<uint32_t>(built.length));
  built.Store(PlainSum(built.pseudo));
  return built;
}

bool Complete(Built& built) {
  return CompleteChecksum(built.frame.data(), static_cast<uint32_t>(built.frame.size()));
}

class Checksum : public testing::TestWithParam<Case> {};

TEST_P(Checksum, IsCompleted) {
  for (uint8_t seed = 0; seed < 20; ++seed) {
    Case c = GetParam();
    c.seed = seed;
    Built built = Build(c);
    const Built before = built;
    ASSERT_FALSE(built.Verifies());
    EXPECT_TRUE(Complete(built));
    EXPECT_TRUE(built.Verifies());
    Built rest = built;  // and nothing but the field has changed
    rest.Store(before.Stored());
    EXPECT_EQ(rest.frame, before.frame);
    EXPECT_FALSE(Complete(built)) << "it is complete";
  }
}

TEST_P(Checksum, ThatIsThereIsLeftAlone) {
  Built built = Build(GetParam());
  ASSERT_TRUE(Complete(built));
  if (GetParam().padding == 0) built.frame.back() ^= 0x10;  // a wrong one, too
  const Bytes before = built.frame;
  EXPECT_FALSE(Complete(built));
  EXPECT_EQ(built.frame, before);
}

TEST_P(Checksum, IsNotLookedForInWhatIsCutShort) {
  const Built whole = Build(GetParam());
  const size_t packet = whole.frame.size() - GetParam().padding;
  for (size_t length = 0; length < packet; ++length) {
    // Of its own size, so that the address sanitizer sees each byte too far.
    Bytes frame(whole.frame.begin(), whole.frame.begin() + static_cast<ptrdiff_t>(length));
    const Bytes before = frame;
    EXPECT_FALSE(CompleteChecksum(frame.data(), static_cast<uint32_t>(length))) << length;
    EXPECT_EQ(frame, before);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Frames, Checksum,
    testing::Values(Case{.name = "tcp4"}, Case{.name = "udp4", .protocol = kUdp},
                    Case{.name = "tcp6", .version = 6},
                    Case{.name = "udp6", .version = 6, .protocol = kUdp},
                    Case{.name = "odd", .payload = 101}, Case{.name = "empty", .payload = 0},
                    Case{.name = "three", .protocol = kUdp, .payload = 3},
                    Case{.name = "options", .options = 12}, Case{.name = "tag", .tags = 1},
                    Case{.name = "tags", .version = 6, .tags = 2},
                    Case{.name = "padding", .payload = 1, .padding = 5},
                    Case{.name = "large", .payload = 3000}),
    [](const testing::TestParamInfo<Case>& test) { return test.param.name; });

TEST(ChecksumTest, AFragmentHasNone) {
  for (const uint8_t flags : {uint8_t{0x20}, uint8_t{0x01}}) {  // more to come; an offset
    Built built = Build({});
    built.frame[20] = flags;
    EXPECT_FALSE(Complete(built));
  }
}

TEST(ChecksumTest, OtherProtocolsHaveNone) {
  Built built = Build({});
  built.frame[23] = 1;  // ICMP
  EXPECT_FALSE(Complete(built));
  built = Build({});
  built.frame[12] = 0x88;  // no IP
  EXPECT_FALSE(Complete(built));
}

TEST(ChecksumTest, UdpWithoutAChecksumIsLeftWithoutOne) {
  Built built = Build({.protocol = kUdp});
  built.Store(0);
  EXPECT_FALSE(Complete(built));
  EXPECT_EQ(built.Stored(), 0);
}

TEST(ChecksumTest, UdpSaysAllOnesInsteadOfZero) {
  Built built = Build({.protocol = kUdp, .payload = 2});
  // Payload such that the sum is 0xffff, whose complement is 0.
  built.frame[built.segment + 8] = built.frame[built.segment + 9] = 0;
  Bytes all = built.pseudo;
  Built other = built;
  other.Store(0);
  all.insert(all.end(), other.frame.begin() + static_cast<ptrdiff_t>(built.segment),
             other.frame.end());
  const auto missing = static_cast<uint16_t>(0xffff - PlainSum(all));
  built.frame[built.segment + 8] = static_cast<uint8_t>(missing >> 8);
  built.frame[built.segment + 9] = static_cast<uint8_t>(missing);
  EXPECT_TRUE(Complete(built));
  EXPECT_EQ(built.Stored(), 0xffff);
  EXPECT_TRUE(built.Verifies() || PlainSum(all) == 0xffff);
}

TEST(ChecksumTest, OneThatIsCompleteAndLooksAsIfItWasNotStaysAsItIs) {
  // A payload whose complete checksum is the pseudo-header's sum.
  Built built = Build({.payload = 2});
  built.frame[built.segment + 20] = built.frame[built.segment + 21] = 0;
  const uint16_t pseudo = built.Stored();
  Bytes all = built.pseudo;
  all.insert(all.end(), built.frame.begin() + static_cast<ptrdiff_t>(built.segment),
             built.frame.end());
  const auto missing = static_cast<uint16_t>(0xffff - PlainSum(all));
  built.frame[built.segment + 20] = static_cast<uint8_t>(missing >> 8);
  built.frame[built.segment + 21] = static_cast<uint8_t>(missing);
  ASSERT_TRUE(built.Verifies());
  EXPECT_TRUE(Complete(built));
  EXPECT_EQ(built.Stored(), pseudo);
}

}  // namespace
}  // namespace weft::af_xdp
