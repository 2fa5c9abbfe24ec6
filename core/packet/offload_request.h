// SPDX-License-Identifier: Apache-2.0
// Offloads as a virtio-net header says them, both ways. What comes in is somebody's claim about a
// frame: it is compared with weft's own reading of the private headers and taken only if the two
// say the same. What goes out is made of that reading alone. Workers.
#pragma once

#include <cstdint>

#include "core/packet/offload.h"
#include "core/packet/packet.h"
#include "core/packet/virtio_net_header.h"

namespace weft {

enum class OffloadFault : uint8_t {
  kNone,
  kNotNegotiated,    // asks for what the sender may not leave, or for what nobody knows
  kContradicted,     // the frame's own headers say otherwise
  kUnsupported,      // neither TCP nor UDP right behind IPv4 or IPv6, or not in the private header
  kTooManySegments,  // more than kMaxSegments
};

// Reads what `asked` asks for, of which `allowed` may be asked, and sets packet.offload(). The
// packet has its payload, and its header bytes are the sender's private copy, which nobody else
// has yet: the field of the checksum is set to the sum of the pseudo-header, whatever it was
// (virtio 1.2 §5.1.6.2.1 wants it there). Else why not; then the packet is one to drop.
//
// hdr_len is a hint that is not read. A TSO that is one segment is none: only its checksum is left.
OffloadFault ReadOffload(const VirtioNetHeader& asked, OffloadSet allowed, Packet& packet);

// Writes what a receiver has to know of packet.offload(), which it takes, into all fields but
// num_buffers.
void WriteOffload(const Packet& packet, VirtioNetHeader& header);

// The longest frame that the packet is on a wire: its own length, or that of its longest segment.
uint32_t LongestFrame(const Packet& packet);

}  // namespace weft
