// SPDX-License-Identifier: Apache-2.0
// What a sender left to whoever sends its packet on: the checksum of its TCP or UDP, and cutting
// TCP into segments (virtio 1.2 §5.1.6.2 calls it so). It is a part of the Packet, and belongs
// to the worker that has that; clones have it too.
//
//   input node    ReadOffload (core/packet/offload_request.h) validates what a virtio-net header
//                 asks for against the packet's private headers, and sets it
//   any node      sees a packet like any other, of up to kMaxOffloadFrame bytes
//   output node   hands on what its receiver takes (WriteOffload); for all others a
//                 SoftwareOffload (core/packet/software_offload.h) does the work
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft {

// Kinds of work, as a set: what a packet needs, what a sender may leave, what a receiver takes.
using OffloadSet = uint8_t;
inline constexpr OffloadSet kOffloadChecksum = 1;  // of TCP or UDP
inline constexpr OffloadSet kOffloadTso4 = 2;      // TCP over IPv4 into segments
inline constexpr OffloadSet kOffloadTso6 = 4;      // TCP over IPv6 into segments
inline constexpr OffloadSet kOffloadEcn = 8;       // the same, with CWR: on the first segment alone
inline constexpr OffloadSet kOffloadTso = kOffloadTso4 | kOffloadTso6;
inline constexpr OffloadSet kEveryOffload = kOffloadChecksum | kOffloadTso | kOffloadEcn;

// The longest frame that asks to be cut: 65535 bytes of IPv4 behind Ethernet and a VLAN tag.
inline constexpr uint32_t kMaxOffloadFrame = 14 + 4 + 65535;
// Segments that one packet may become: 64 KiB at 512 bytes each. A smaller size would let a tenant
// make much work out of few bytes.
inline constexpr uint32_t kMaxSegments = 128;

struct Offload {
  OffloadSet needs = 0;       // nothing: neither of the others means anything
  uint8_t transport = 0;      // bytes of the frame before its TCP or UDP header; a bit says which
  uint16_t segment_size = 0;  // TCP payload bytes of a segment but the last; 0: it is not to be cut

  static constexpr uint8_t kUdp = 0x80;  // in `transport`; a private header is shorter than that

  constexpr bool any() const { return needs != 0; }
  constexpr bool is_tso() const { return (needs & kOffloadTso) != 0; }
  constexpr bool is_udp() const { return (transport & kUdp) != 0; }
  // Bytes of the frame before the TCP or UDP header: where its checksum begins.
  constexpr uint32_t checksum_start() const { return transport & ~uint32_t{kUdp}; }
  // Where the checksum's field is, from there (RFC 9293 §3.1, RFC 768).
  constexpr uint32_t checksum_offset() const { return is_udp() ? 6 : 16; }
  // True if who takes `taken` can be left all of it.
  constexpr bool FitsIn(OffloadSet taken) const { return (needs & ~taken) == 0; }
  constexpr bool operator==(const Offload&) const = default;
};
static_assert(sizeof(Offload) == 4 && alignof(Offload) <= 4);

}  // namespace weft
