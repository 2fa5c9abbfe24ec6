// SPDX-License-Identifier: Apache-2.0
#include "plugins/af_xdp/checksum.h"

#include <cstring>

namespace weft::af_xdp {
namespace {

constexpr uint32_t kEthernet = 14;
constexpr uint32_t kVlanTag = 4;
constexpr uint8_t kTcp = 6;
constexpr uint8_t kUdp = 17;

uint16_t Big16(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }

// Sums of 16-bit words (RFC 1071), as they stand in memory: their order does not matter, nor does
// that of their bytes as long as it is the same everywhere.
uint64_t Sum(const uint8_t* at, uint32_t length) {
  uint64_t sum = 0;
  for (; length >= 4; at += 4, length -= 4) {
    uint32_t word;
    std::memcpy(&word, at, sizeof(word));
    sum += word;
  }
  if (length >= 2) {
    uint16_t word;
    std::memcpy(&word, at, sizeof(word));
    sum += word;
    at += 2;
    length -= 2;
  }
  if (length == 1) sum += *at;  // and a zero behind it, on a little-endian machine
  return sum;
}

uint16_t Fold(uint64_t sum) {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

// A number of 16 bits as it stands in a header, for the sum.
uint64_t Word(uint32_t number) { return __builtin_bswap16(static_cast<uint16_t>(number)); }

struct Segment {
  uint8_t* begin = nullptr;  // null: no TCP or UDP that we can see to
  uint32_t length = 0;
  uint8_t protocol = 0;
  uint64_t addresses = 0;  // their sum
};

// RFC 791 §3.1.
Segment InIpv4(uint8_t* packet, uint32_t room) {
  if (room < 20) return {};
  const uint32_t header = uint32_t{packet[0]} % 16 * 4;
  const uint32_t total = Big16(packet + 2);
  const bool fragment = (Big16(packet + 6) & 0x3fff) != 0;  // an offset, or more to come
  if (packet[0] >> 4 != 4 || header < 20 || total < header || total > room || fragment) return {};
  return {packet + header, total - header, packet[9], Sum(packet + 12, 8)};
}

// RFC 8200 §3; without extension headers.
Segment InIpv6(uint8_t* packet, uint32_t room) {
  if (room < 40) return {};
  const uint32_t payload = Big16(packet + 4);
  if (packet[0] >> 4 != 6 || payload > room - 40) return {};
  return {packet + 40, payload, packet[6], Sum(packet + 8, 32)};
}

Segment SegmentOf(uint8_t* frame, uint32_t length) {
  uint32_t at = kEthernet;
  if (length < at) return {};
  uint16_t type = Big16(frame + 12);
  for (int tags = 0; tags < 2 && (type == 0x8100 || type == 0x88a8); ++tags) {
    if (length < at + kVlanTag) return {};
    type = Big16(frame + at + 2);
    at += kVlanTag;
  }
  if (type == 0x0800) return InIpv4(frame + at, length - at);
  if (type == 0x86dd) return InIpv6(frame + at, length - at);
  return {};
}

}  // namespace

bool CompleteChecksum(uint8_t* frame, uint32_t length) {
  const Segment segment = SegmentOf(frame, length);
  const bool tcp = segment.protocol == kTcp && segment.length >= 20;
  const bool udp = segment.protocol == kUdp && segment.length >= 8;
  if (segment.begin == nullptr || (!tcp && !udp)) return false;
  uint8_t* const field = segment.begin + (tcp ? 16 : 6);
  uint16_t stored;
  std::memcpy(&stored, field, sizeof(stored));
  const uint16_t pseudo = Fold(segment.addresses + Word(segment.protocol) + Word(segment.length));
  if (stored != pseudo || (udp && stored == 0)) return false;
  // The pseudo-header's share is in the field already.
  auto sum = static_cast<uint16_t>(~Fold(Sum(segment.begin, segment.length)));
  if (udp && sum == 0) sum = 0xffff;  // RFC 768: 0 says that there is none
  std::memcpy(field, &sum, sizeof(sum));
  return true;
}

}  // namespace weft::af_xdp
