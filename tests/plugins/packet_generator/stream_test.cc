// SPDX-License-Identifier: Apache-2.0
#include "plugins/packet_generator/stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "tests/support/frames.h"

namespace weft::packet_generator {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using testing::FrameTo;
using ::testing::HasSubstr;
using testing::MacNumber;
using namespace std::chrono_literals;

std::shared_ptr<const Stream> Made(const StreamConfig& config) {
  absl::StatusOr<std::shared_ptr<const Stream>> stream = Stream::Make(config);
  EXPECT_TRUE(stream.ok()) << stream.status();
  return *stream;
}

// The whole frame, and that the packet is as an input's should be.
Bytes FrameOf(const Stream& stream, uint64_t n) {
  PacketSlot slot;
  stream.Fill(slot.packet, PortId(3), n);
  EXPECT_EQ(slot.packet.in_port(), PortId(3));
  EXPECT_LE(slot.packet.header_length(), Packet::kMaxHeader);
  Bytes frame(slot.packet.length());
  EXPECT_EQ(CopyStart(slot.packet, frame.data(), frame.size()), frame.size());
  return frame;
}

uint32_t Field(const Bytes& frame, size_t at, size_t octets) {
  uint32_t value = 0;
  for (size_t i = 0; i < octets; ++i) value = value << 8 | frame[at + i];
  return value;
}
// RFC 1071: with its checksum a header sums up to all ones.
uint32_t SumOfIpHeader(const Bytes& frame) {
  uint32_t sum = 0;
  for (size_t i = 14; i < 34; i += 2) sum += Field(frame, i, 2);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

TEST(Words, OfSizes) {
  EXPECT_EQ(ParseSizes("60")->max, 60U);
  EXPECT_EQ(ParseSizes("60-1514")->min, 60U);
  EXPECT_EQ(ParseSizes("60-1514")->max, 1514U);
  EXPECT_EQ(ParseSizes("9216")->min, 9216U);
  EXPECT_EQ(ParseSizes("imix")->kind, Sizes::Kind::kImix);
  for (const char* text : {"", "59", "9217", "100-99", "60-", "-60", "60-9217", "60x", "imixed"})
    EXPECT_FALSE(ParseSizes(text)) << text;
}

TEST(Words, OfPaces) {
  EXPECT_EQ(ParsePace("10kpps")->per_second, 10'000U);
  EXPECT_EQ(ParsePace("1Mpps")->per_second, 1'000'000U);
  EXPECT_EQ(ParsePace("max")->kind, Pace::Kind::kMax);
  EXPECT_EQ(ParsePace("file")->kind, Pace::Kind::kFile);
  for (const char* text : {"", "0pps", "10", "1001Mpps", "1bit/s", "-1pps"})
    EXPECT_FALSE(ParsePace(text)) << text;
}

TEST(Words, OfFields) {
  EXPECT_THAT(*ParseVary("source-ip, destination-port"),
              ElementsAre(Vary::kSourceIp, Vary::kDestinationPort));
  EXPECT_TRUE(ParseVary("")->empty());
  EXPECT_FALSE(ParseVary("source"));
  EXPECT_EQ(*ParseIp("10.0.0.1"), 0x0a00'0001U);
  EXPECT_FALSE(ParseIp("10.0.0"));
}

TEST(Stream, MakesUdpWithRightLengthsAndSums) {
  StreamConfig config;
  config.size = "imix";
  config.vary = "source-mac,destination-mac,source-ip,destination-ip,source-port,destination-port";
  config.order = Order::kRandom;
  config.values = 60'000;
  const auto stream = Made(config);
  std::map<size_t, int> sizes;
  for (uint64_t n = 0; n < 1200; ++n) {
    const Bytes frame = FrameOf(*stream, n);
    ++sizes[frame.size()];
    EXPECT_EQ(Field(frame, 12, 2), 0x0800U);
    EXPECT_EQ(Field(frame, 16, 2), frame.size() - 14);
    EXPECT_EQ(Field(frame, 38, 2), frame.size() - 34);
    EXPECT_EQ(SumOfIpHeader(frame), 0xffffU) << "packet " << n;
  }
  EXPECT_EQ(sizes, (std::map<size_t, int>{{60, 700}, {590, 400}, {1514, 100}}));
}

TEST(Stream, TakesValuesOneAfterTheOther) {
  StreamConfig config;
  config.vary = "source-mac,destination-ip,destination-port";
  config.source_mac = MacNumber(0x10);
  config.destination_ip = "10.0.0.255";
  config.destination_port = 65535;
  config.values = 3;
  const auto stream = Made(config);
  for (uint64_t n = 0; n < 7; ++n) {
    const Bytes frame = FrameOf(*stream, n);
    EXPECT_EQ(Field(frame, 8, 4), 0x10 + n % 3) << "packet " << n;
    EXPECT_EQ(Field(frame, 30, 4), 0x0a00'00ff + n % 3);
    EXPECT_EQ(Field(frame, 36, 2), (65535 + n % 3) % 65536);
    EXPECT_EQ(Field(frame, 34, 2), 49152U) << "which is not to vary";
  }
}

TEST(Stream, IsTheSameWithTheSameSeed) {
  StreamConfig config;
  config.vary = "source-ip,source-port";
  config.order = Order::kRandom;
  config.size = "60-200";
  config.values = 100;
  const auto one = Made(config), again = Made(config);
  config.seed = 2;
  const auto other = Made(config);
  std::set<uint32_t> ports;
  std::set<size_t> sizes;
  int different = 0;
  for (uint64_t n = 0; n < 5000; ++n) {
    const Bytes frame = FrameOf(*one, n);
    EXPECT_EQ(frame, FrameOf(*again, n));
    different += frame != FrameOf(*other, n) ? 1 : 0;
    ports.insert(Field(frame, 34, 2) - 49152);
    sizes.insert(frame.size());
  }
  EXPECT_GT(different, 4900);
  EXPECT_EQ(ports.size(), 100U);
  EXPECT_EQ(*ports.rbegin(), 99U);
  EXPECT_EQ(sizes.size(), 141U);
  EXPECT_EQ(*sizes.begin(), 60U);
  EXPECT_EQ(*sizes.rbegin(), 200U);
}

TEST(Stream, IsDueAtItsRate) {
  StreamConfig config;
  config.rate = "3pps";
  const auto stream = Made(config);
  EXPECT_EQ(stream->DueAt(0), 0s);
  EXPECT_EQ(stream->DueAt(1), 333'333'334ns);
  EXPECT_EQ(stream->DueAt(2), 666'666'667ns);
  EXPECT_EQ(stream->DueAt(3), 1s);
  config.rate = "1Mpps";
  const auto fast = Made(config);
  constexpr uint64_t kYear = 31'536'000;
  EXPECT_EQ(fast->DueAt(kYear * 1'000'000 + 1), 365 * 24h + 1us);
  config.rate = "1pps";
  EXPECT_EQ(Made(config)->DueAt(uint64_t{1} << 62), 100 * 365 * 24h) << "which is never";
  config.rate = "max";
  EXPECT_EQ(Made(config)->DueAt(kYear), 0s);
}

class StreamFileTest : public ::testing::Test {
 protected:
  StreamFileTest() : path_(::testing::TempDir() + Cat("weft-stream-", getpid(), ".pcapng")) {}
  ~StreamFileTest() override { std::filesystem::remove(path_); }
  // Frames with their times in milliseconds.
  void Write(const std::vector<std::pair<uint64_t, Bytes>>& frames) {
    PcapngWriter writer("test");
    const uint32_t interface = writer.AddInterface("x", "", 65535);
    for (const auto& [time, frame] : frames) {
      writer.Add({.interface = interface,
                  .nanoseconds = (1'000'000 + time) * 1'000'000,
                  .length = static_cast<uint32_t>(frame.size()),
                  .bytes = frame});
    }
    std::ofstream(path_, std::ios::binary) << writer.Take();
  }
  StreamConfig OfFile() const {
    StreamConfig config;
    config.file = path_;
    config.rate = "file";
    return config;
  }

  const std::string path_;
};

TEST_F(StreamFileTest, PlaysFramesAsTheyAreAtTheirTimes) {
  const Bytes one = FrameTo(MacNumber(1)).Seed(1).Size(60).Build();
  const Bytes two = FrameTo(MacNumber(2)).Seed(2).Size(1514).Build();
  const Bytes three = FrameTo(MacNumber(3)).Seed(3).Size(14).Build();
  Write({{5, one}, {7, two}, {6, three}});  // the last time goes back
  const auto stream = Made(OfFile());
  EXPECT_EQ(stream->count(), 3U);
  EXPECT_EQ(FrameOf(*stream, 0), one);
  EXPECT_EQ(FrameOf(*stream, 1), two);
  EXPECT_EQ(FrameOf(*stream, 2), three);
  EXPECT_EQ(FrameOf(*stream, 3), one);
  EXPECT_EQ(stream->DueAt(0), 0s);
  EXPECT_EQ(stream->DueAt(1), 2ms);
  EXPECT_EQ(stream->DueAt(2), 2ms);
  EXPECT_EQ(stream->DueAt(3), 2ms) << "the next round begins when this one ends";
  EXPECT_EQ(stream->DueAt(4), 4ms);
}

TEST_F(StreamFileTest, PlaysFramesAtARate) {
  Write({{0, FrameTo(MacNumber(1)).Build()}, {9000, FrameTo(MacNumber(2)).Build()}});
  StreamConfig config = OfFile();
  config.rate = "1kpps";
  config.count = 1000;
  const auto stream = Made(config);
  EXPECT_EQ(stream->count(), 1000U);
  EXPECT_EQ(stream->DueAt(1), 1ms);
  EXPECT_EQ(stream->DueAt(2), 2ms);
}

TEST_F(StreamFileTest, RefusesWhatItCannotPlay) {
  EXPECT_THAT(MessageOf(Stream::Make(OfFile()).status()), HasSubstr("No such file"));
  Write({});
  EXPECT_THAT(MessageOf(Stream::Make(OfFile()).status()), HasSubstr(path_));
  Write({{0, Bytes(13)}});
  EXPECT_THAT(MessageOf(Stream::Make(OfFile()).status()),
              HasSubstr("has a frame of 13 bytes; weft switches 14 to 9216"));
}

}  // namespace
}  // namespace weft::packet_generator
