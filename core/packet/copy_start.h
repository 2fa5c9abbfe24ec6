// SPDX-License-Identifier: Apache-2.0
// A frame's first bytes in one piece, for who shows or keeps them. Worker.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/packet/packet.h"

namespace weft {

// Copies the first bytes of a frame, at most `room`; the number of them. Each is loaded once: what
// a filter saw is what a capture keeps. Payload may be something else by the time that it is sent.
inline size_t CopyStart(const Packet& packet, uint8_t* to, size_t room) {
  size_t count = std::min<size_t>(packet.header_length(), room);
  std::memcpy(to, packet.header(), count);
  for (size_t i = 0; i < packet.segment_count() && count < room; ++i) {
    const Segment& segment = packet.segment(i);
    const size_t part = std::min<size_t>(segment.length, room - count);
    segment.data.CopyOut(to + count, part);
    count += part;
  }
  return count;
}

}  // namespace weft
