// SPDX-License-Identifier: Apache-2.0
// A kernel whose device promises to compute checksums leaves them to it: in the field of TCP's or
// UDP's header it puts the sum of the pseudo-header alone (CHECKSUM_PARTIAL, linux/skbuff.h). A
// veth promises, for the other end is the same kernel; AF_XDP hands such a frame out as it is, and
// whoever gets it then finds a wrong checksum. Pure functions; any thread.
#pragma once

#include <cstdint>

namespace weft::af_xdp {

// Completes the checksum of a TCP or UDP segment over IPv4 or IPv6, with up to two VLAN tags, if
// its field holds the sum of the pseudo-header and nothing else; true if so. A checksum that is
// complete and has that very value by chance comes out as it was. `frame` has `length` bytes, all
// of them there, and is ours to write.
bool CompleteChecksum(uint8_t* frame, uint32_t length);

}  // namespace weft::af_xdp
