// SPDX-License-Identifier: Apache-2.0
// What we write is read back by libpcap, which is not ours; what it ignores is looked for by the
// numbers of the draft. tests/e2e/capture_test.py has tshark read it all.
#include "core/trace/pcapng.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The blocks of a file by type, each its body without type and lengths. Fails on a wrong length.
std::vector<std::pair<uint32_t, std::string>> Blocks(const std::string& file) {
  std::vector<std::pair<uint32_t, std::string>> blocks;
  for (size_t at = 0; at < file.size();) {
    uint32_t type = 0;
    uint32_t length = 0;
    uint32_t again = 0;
    if (file.size() - at < 12) {
      ADD_FAILURE() << "a block of less than 12 bytes";
      break;
    }
    std::memcpy(&type, file.data() + at, 4);
    std::memcpy(&length, file.data() + at + 4, 4);
    if (length % 4 != 0 || length < 12 || length > file.size() - at) {
      ADD_FAILURE() << "a block of " << length << " bytes at " << at;
      break;
    }
    std::memcpy(&again, file.data() + at + length - 4, 4);
    EXPECT_EQ(again, length);
    blocks.emplace_back(type, file.substr(at + 8, length - 12));
    at += length;
  }
  return blocks;
}

struct ReadBack {
  uint64_t nanoseconds;
  uint32_t length;
  std::vector<uint8_t> bytes;
  bool operator==(const ReadBack&) const = default;
};

std::vector<ReadBack> WithLibpcap(const std::string& file) {
  std::vector<ReadBack> packets;
  char error[PCAP_ERRBUF_SIZE] = "";
  std::string bytes = file;
  FILE* const stream = fmemopen(bytes.data(), bytes.size(), "rb");
  pcap_t* const pcap =
      pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, error);
  if (pcap == nullptr) {
    ADD_FAILURE() << error;
    std::fclose(stream);
    return packets;
  }
  EXPECT_EQ(pcap_datalink(pcap), DLT_EN10MB);
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  int got = 0;
  while ((got = pcap_next_ex(pcap, &header, &data)) == 1) {
    packets.push_back({static_cast<uint64_t>(header->ts.tv_sec) * 1'000'000'000 +
                           static_cast<uint64_t>(header->ts.tv_usec),
                       header->len,
                       {data, data + header->caplen}});
  }
  EXPECT_EQ(got, PCAP_ERROR_BREAK) << pcap_geterr(pcap);
  pcap_close(pcap);
  return packets;
}

TEST(Pcapng, IsReadByLibpcap) {
  PcapngWriter writer("weft test");
  const uint32_t one = writer.AddInterface("web-1", "a container", 100);
  const uint32_t two = writer.AddInterface("web-2", "", 100);
  EXPECT_EQ(one, 0U);
  EXPECT_EQ(two, 1U);
  std::vector<ReadBack> packets;
  for (uint32_t length : {14U, 15U, 60U, 61U, 100U}) {
    packets.push_back({uint64_t{1'700'000'000'123'456'789} + length, length * 3,
                       std::vector<uint8_t>(length, static_cast<uint8_t>(length))});
    writer.Add({.interface = length % 2,
                .nanoseconds = packets.back().nanoseconds,
                .length = packets.back().length,
                .bytes = packets.back().bytes,
                .comment = std::string(length % 7, 'x')});
  }
  writer.AddLost(one, packets.back().nanoseconds, 5, "the ring was full");
  EXPECT_EQ(WithLibpcap(writer.Take()), packets);
  EXPECT_EQ(writer.size(), 0U);
}

TEST(Pcapng, BlocksHaveTheirOptions) {
  PcapngWriter writer("weft test");
  const uint32_t port = writer.AddInterface("web-1", "a container", 100);
  const uint8_t bytes[] = {1, 2, 3};
  writer.Add({.interface = port,
              .nanoseconds = 0x1'0000'0002,
              .length = 3,
              .bytes = bytes,
              .comment = "l2-switch -> flood",
              .direction = PcapngWriter::Direction::kOutbound});
  writer.AddLost(port, 3, 7, "lost");
  const auto blocks = Blocks(writer.Take());
  ASSERT_EQ(blocks.size(), 4U);
  EXPECT_EQ(blocks[0].first, 0x0a0d0d0aU);
  EXPECT_THAT(blocks[0].second, HasSubstr("weft test"));
  EXPECT_EQ(blocks[1].first, 1U);
  EXPECT_THAT(blocks[1].second, HasSubstr("web-1"));
  EXPECT_THAT(blocks[1].second, HasSubstr("a container"));
  EXPECT_THAT(blocks[1].second, HasSubstr(std::string("\x09\0\x01\0\x09\0\0\0", 8)));  // if_tsresol
  EXPECT_EQ(blocks[2].first, 6U);
  EXPECT_THAT(blocks[2].second, HasSubstr("l2-switch -> flood"));
  // Interface, time in two halves, lengths, padded bytes.
  EXPECT_EQ(blocks[2].second.substr(0, 24),
            std::string("\0\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x03\0\0\0\x01\x02\x03\0", 24));
  EXPECT_THAT(blocks[2].second, HasSubstr(std::string("\x02\0\x04\0\x02\0\0\0", 8)));  // outbound
  EXPECT_EQ(blocks[3].first, 5U);
  EXPECT_THAT(blocks[3].second, HasSubstr(std::string("\x05\0\x08\0\x07\0\0\0\0\0\0\0", 12)));
}

}  // namespace
}  // namespace weft
