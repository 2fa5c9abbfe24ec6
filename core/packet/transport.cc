// SPDX-License-Identifier: Apache-2.0
#include "core/packet/transport.h"

#include <algorithm>

namespace weft {
namespace {

constexpr uint16_t kTypeIpv4 = 0x0800;
constexpr uint16_t kTypeIpv6 = 0x86dd;
constexpr uint16_t kTypeTag = 0x8100;         // 802.1Q
constexpr uint16_t kTypeServiceTag = 0x88a8;  // 802.1ad
constexpr uint32_t kTag = 4;
constexpr uint32_t kIpv4Header = 20;
constexpr uint32_t kIpv6Header = 40;
constexpr uint32_t kTcpHeader = 20;
constexpr uint32_t kUdpHeader = 8;
constexpr uint8_t kProtocolTcp = 6;
constexpr uint8_t kProtocolUdp = 17;
constexpr uint16_t kFragment = 0x3fff;  // more fragments, or an offset (RFC 791 §3.1)

}  // namespace

TransportFault FindTransport(const Packet& packet, Transport& found) {
  const uint8_t* const frame = packet.header();
  const uint32_t known = packet.header_length();
  const uint32_t length = packet.length();
  // What lies beyond the private header is not known; what lies beyond the frame is not there.
  const auto beyond = [&](uint32_t end) {
    return end > length ? TransportFault::kMalformed : TransportFault::kUnknown;
  };
  uint32_t network = kMinFrame;
  uint16_t type = packet.ethernet().type;
  if (type == kTypeTag || type == kTypeServiceTag) {
    network += kTag;
    if (network > known) return beyond(network);
    type = Read16(frame + network - 2);
  }
  const uint8_t* const ip = frame + network;
  found.network = network;
  found.ipv6 = type == kTypeIpv6;
  uint8_t protocol = 0;
  if (type == kTypeIpv4) {
    if (network + kIpv4Header > known) return beyond(network + kIpv4Header);
    const uint32_t header = (ip[0] & 0xfU) * 4;
    if (ip[0] >> 4 != 4 || header < kIpv4Header) return TransportFault::kMalformed;
    if ((Read16(ip + 6) & kFragment) != 0) return TransportFault::kUnknown;
    protocol = ip[9];
    found.transport = network + header;
    found.end = network + Read16(ip + 2);
  } else if (type == kTypeIpv6) {
    if (network + kIpv6Header > known) return beyond(network + kIpv6Header);
    if (ip[0] >> 4 != 6) return TransportFault::kMalformed;
    protocol = ip[6];
    found.transport = network + kIpv6Header;
    found.end = found.transport + Read16(ip + 4);
  } else {
    return TransportFault::kUnknown;
  }
  if (protocol != kProtocolTcp && protocol != kProtocolUdp) return TransportFault::kUnknown;
  found.udp = protocol == kProtocolUdp;
  found.payload = found.transport + (found.udp ? kUdpHeader : kTcpHeader);
  if (found.end > length || found.payload > found.end) return TransportFault::kMalformed;
  if (found.payload > known) return TransportFault::kUnknown;
  const uint8_t* const transport = frame + found.transport;
  if (found.udp) {
    const bool whole = Read16(transport + 4) == found.end - found.transport;
    return whole ? TransportFault::kNone : TransportFault::kMalformed;
  }
  const uint32_t header = (transport[12] >> 4) * 4U;
  if (header < kTcpHeader) return TransportFault::kMalformed;
  found.payload = found.transport + header;
  if (found.payload > found.end) return TransportFault::kMalformed;
  return found.payload > known ? TransportFault::kUnknown : TransportFault::kNone;
}

uint64_t SumWords(const uint8_t* data, size_t length) {
  // 32 bits at a time, two sums side by side: carries gather in their upper halves, and a frame is
  // too short to overflow them.
  constexpr uint64_t kLow = 0xffff'ffff;
  uint64_t low = 0;
  uint64_t high = 0;
  size_t at = 0;
  for (; at + sizeof(uint64_t) <= length; at += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, data + at, sizeof(word));
    low += word & kLow;
    high += word >> 32;
  }
  uint64_t rest = 0;  // filled up with zeroes
  std::memcpy(&rest, data + at, length - at);
  return low + high + (rest & kLow) + (rest >> 32);
}

uint64_t SumPseudoHeader(const uint8_t* frame, const Transport& at, uint32_t length) {
  const uint8_t* const ip = frame + at.network;
  uint8_t tail[8] = {};
  Write32(tail, length);
  tail[7] = at.udp ? kProtocolUdp : kProtocolTcp;
  const uint64_t addresses = at.ipv6 ? SumWords(ip + 8, 32) : SumWords(ip + 12, 8);
  return addresses + SumWords(tail, sizeof(tail));
}

}  // namespace weft
