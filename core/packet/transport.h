// SPDX-License-Identifier: Apache-2.0
// The part of a frame's headers that checksums and segments are about: Ethernet with at most one
// tag, IPv4 or IPv6 right behind it, TCP or UDP right behind that. Workers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/packet/packet.h"

namespace weft {

// A big-endian number of a header.
inline uint16_t Read16(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }
inline void Write16(uint8_t* at, uint32_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}
inline uint32_t Read32(const uint8_t* at) { return uint32_t{Read16(at)} << 16 | Read16(at + 2); }
inline void Write32(uint8_t* at, uint32_t value) {
  Write16(at, value >> 16);
  Write16(at + 2, value & 0xffff);
}

namespace tcp {
inline constexpr size_t kChecksum = 16;
inline constexpr uint8_t kFin = 0x01;
inline constexpr uint8_t kPush = 0x08;
inline constexpr uint8_t kCwr = 0x80;  // RFC 3168 §6.1.2
}  // namespace tcp
namespace udp {
inline constexpr size_t kChecksum = 6;
}  // namespace udp

// Where the layers are, in bytes of the frame.
struct Transport {
  uint32_t network = 0;    // the IP header
  uint32_t transport = 0;  // the TCP or UDP header
  uint32_t payload = 0;    // what is behind it
  uint32_t end = 0;        // the end of the IP packet; padding may follow
  bool ipv6 = false;
  bool udp = false;
};

enum class TransportFault : uint8_t {
  kNone,
  kUnknown,    // something else, a fragment, or headers longer than packet.header()
  kMalformed,  // lengths that contradict each other or the frame
};

// Reads the private headers of a packet. All of [0, payload) is in packet.header(), and
// payload <= end <= packet.length().
TransportFault FindTransport(const Packet& packet, Transport& found);

// The Internet checksum (RFC 1071): sums of 16-bit words as they stand in memory. A piece that
// another one follows has an even length.
uint64_t SumWords(const uint8_t* data, size_t length);
// The pseudo-header of TCP or UDP of `length` bytes (RFC 9293 §3.1, RFC 8200 §8.1).
uint64_t SumPseudoHeader(const uint8_t* frame, const Transport& at, uint32_t length);
// The sum as 16 bits to be stored with memcpy; the checksum is its complement.
inline uint16_t Fold(uint64_t sum) {
  sum = (sum & 0xffff'ffff) + (sum >> 32);
  sum = (sum & 0xffff'ffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

}  // namespace weft
