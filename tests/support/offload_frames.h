// SPDX-License-Identifier: Apache-2.0
// TCP and UDP frames for tests of offloads, and a plain second reading of them: slow, byte by byte,
// and made without a look at what it judges.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/packet/virtio_net_header.h"
#include "tests/support/frames.h"

namespace weft::testing {

// What a frame is made of; each field is as it stands on the wire.
struct TransportFrame {
  bool ipv6 = false;
  bool udp = false;
  bool tagged = false;
  uint32_t payload = 1000;   // bytes
  uint32_t tcp_options = 0;  // bytes, a multiple of 4
  uint32_t ip_options = 0;   // bytes, a multiple of 4; of IPv4
  uint32_t sequence = 0x0100'0000;
  uint16_t identification = 0x4000;
  uint8_t tcp_flags = 0x18;  // ACK, PSH
  uint32_t seed = 0;
  MacAddress destination = MacNumber(2);
  MacAddress source = MacNumber(1);

  uint32_t network() const { return tagged ? 18 : 14; }
  uint32_t transport() const { return network() + (ipv6 ? 40 : 20 + ip_options); }
  uint32_t header() const { return transport() + (udp ? 8 : 20 + tcp_options); }
  // The frame, its checksum not filled in.
  Bytes Build() const;
  // What asks for its checksum, or with a size for its segments.
  VirtioNetHeader Ask(uint16_t segment_size) const;
  VirtioNetHeader Ask() const { return Ask(0); }
};

// Empty if every checksum and length of the frame is right; else what is not.
std::string WhatIsWrong(const Bytes& frame);
// True if the checksum of its TCP or UDP is; the IP packet may have bytes behind it, and the
// checksum of IPv4 is not looked at.
bool TransportIsRight(const Bytes& frame);
// The frame with every checksum filled in.
Bytes Completed(Bytes frame);
// The frames that a TCP frame is cut into, `segment_size` payload bytes each.
std::vector<Bytes> ReferenceSegments(const Bytes& frame, uint16_t segment_size);

}  // namespace weft::testing
