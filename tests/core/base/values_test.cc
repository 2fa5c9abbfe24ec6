// SPDX-License-Identifier: Apache-2.0
// The small values that everything is made of: addresses, ids, labels, text, clock.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/base/clock.h"
#include "core/base/counter.h"
#include "core/base/ids.h"
#include "core/base/labels.h"
#include "core/base/mac_address.h"
#include "core/base/text.h"

namespace weft {
namespace {

TEST(MacAddress, ReadsWhatItWrites) {
  const std::optional<MacAddress> mac = MacAddress::Parse("02:aB:00:00:fF:09");
  ASSERT_TRUE(mac);
  EXPECT_EQ(mac->ToString(), "02:ab:00:00:ff:09");
  EXPECT_EQ(mac->bits(), 0x02ab'0000'ff09U);
  EXPECT_EQ(MacAddress::FromBits(mac->bits()), *mac);
  EXPECT_EQ(MacAddress::Parse(mac->ToString()), mac);
}

TEST(MacAddress, ReadsNothingElse) {
  for (const char* text : {"", "02", "02:00:00:00:00:0", "02:00:00:00:00:001", "02-00-00-00-00-01",
                           "02:00:00:00:00:0g", " 2:00:00:00:00:01", "02:00:00:00:00:01 ",
                           "020000000001", "02:00:00:00:00.01", "+2:00:00:00:00:01"}) {
    EXPECT_FALSE(MacAddress::Parse(text)) << text;
  }
}

TEST(MacAddress, KnowsItsKind) {
  EXPECT_TRUE(MacAddress().is_zero());
  EXPECT_FALSE(MacAddress().is_group());
  const MacAddress broadcast = MacAddress::FromBits(0xffff'ffff'ffff);
  EXPECT_TRUE(broadcast.is_broadcast());
  EXPECT_TRUE(broadcast.is_group());
  const MacAddress group = MacAddress::FromBits(0x0100'5e00'0001);
  EXPECT_TRUE(group.is_group());
  EXPECT_FALSE(group.is_broadcast());
  EXPECT_FALSE(MacAddress::FromBits(0x0200'0000'0001).is_group());
  EXPECT_LT(MacAddress::FromBits(1), MacAddress::FromBits(0x0100));
}

TEST(Id, IsInvalidUntilItIsGiven) {
  EXPECT_FALSE(PortId().valid());
  EXPECT_TRUE(PortId(0).valid());
  EXPECT_FALSE(PortId(0xffff).valid());
  EXPECT_EQ(ChainId().value(), 0xff);
  EXPECT_LT(PortId(1), PortId(2));
  const std::unordered_set<PortId> ports = {PortId(1), PortId(1), PortId(2)};
  EXPECT_EQ(ports.size(), 2U);
  static_assert(!std::is_convertible_v<PortId, GroupId>);
  static_assert(!std::is_convertible_v<uint16_t, PortId>);
}

TEST(Labels, NameAndExplainEachEnumerator) {
  enum class Colour : uint8_t { kRed, kGreen };
  constexpr auto kColours =
      Labels<Colour>({{Colour::kRed, "red", "stop"}, {Colour::kGreen, "green", "go"}});
  static_assert(kColours.size() == 2);
  EXPECT_EQ(kColours.name(Colour::kGreen), "green");
  EXPECT_EQ(kColours.help(Colour::kRed), "stop");
  EXPECT_EQ(kColours.span()[1].name, "green");
}

TEST(Text, PutsPiecesTogether) {
  EXPECT_EQ(Cat(), "");
  EXPECT_EQ(Cat("port ", uint16_t{7}, ':', std::string("x"), std::string_view("y"), -1),
            "port 7:xy-1");
  EXPECT_EQ(Cat(0.1, " ", 1e100, " ", 2.0), "0.1 1e+100 2");
  std::string text = "a";
  Append(text, 'b', 3);
  EXPECT_EQ(text, "ab3");
}

TEST(Text, JoinsWithSeparators) {
  EXPECT_EQ(Join(std::vector<int>{}), "");
  EXPECT_EQ(Join(std::vector<int>{1}), "1");
  EXPECT_EQ(Join(std::vector<std::string>{"a", "b", "c"}, " | "), "a | b | c");
  EXPECT_EQ(MessageOf(absl::InternalError("why")), "why");
  EXPECT_EQ(MessageOf(absl::OkStatus()), "");
}

TEST(Counter, CountsAndIsNeverReset) {
  Counter counter;
  counter.Add();
  counter.Add(41);
  EXPECT_EQ(counter.value(), 42U);
}

TEST(Clock, TheSimulatedOneMovesByHand) {
  SimulatedClock clock;
  const Time before = clock.Now();
  EXPECT_EQ(clock.Now(), before);
  clock.Advance(std::chrono::seconds(3));
  EXPECT_EQ(clock.Now() - before, std::chrono::seconds(3));
  const MonotonicClock real;
  const Time first = real.Now();
  EXPECT_LE(first, real.Now());
}

}  // namespace
}  // namespace weft
