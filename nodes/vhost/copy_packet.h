// SPDX-License-Identifier: Apache-2.0
// The one copy: a packet, its virtio-net header before it, to where a container receives it. The
// private header bytes come from the packet, the payload from the sender's memory. Workers only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/packet/packet.h"
#include "core/packet/payload_copy.h"
#include "nodes/vhost/virtio_net.h"

namespace weft::vhost {

// Copies what is private of a packet, its virtio-net header included, to `to`.
inline void CopyHeader(ForeignPtr to, Packet& packet) {
  const uint32_t length = kNetHeader + packet.header_length();
  if (length <= kMaxShortCopy) [[likely]] {
    to.CopyInShort(packet.virtio_net_header(), length);
  } else {
    to.CopyIn(packet.virtio_net_header(), length);
  }
}

// Copies a packet to one place that holds it; `wide` if the machine HasWideCopy(). Returns the
// frame bytes copied.
inline uint64_t CopyWhole(ForeignPtr to, Packet& packet, bool wide) {
  CopyHeader(to, packet);
  uint64_t copied = packet.header_length();
  for (size_t i = 0; i < packet.segment_count(); ++i) {
    const Segment& from = packet.segment(i);
    const ForeignPtr place = to + kNetHeader + copied;
    if (wide) {
      place.CopyFromWide(from.data, from.length);
    } else {
      place.CopyFrom(from.data, from.length);
    }
    copied += from.length;
  }
  return copied;
}

// Copies a packet to pieces that together hold it. Returns the frame bytes copied.
inline uint64_t CopySpread(const Segment* pieces, Packet& packet) {
  uint64_t copied = 0;
  Spreader spreader(pieces);
  const uint8_t* const header = packet.virtio_net_header();
  spreader.Spread(kNetHeader + packet.header_length(), [&](ForeignPtr to, size_t at, size_t part) {
    to.CopyIn(header + at, part);
    copied += part;
  });
  for (size_t i = 0; i < packet.segment_count(); ++i) {
    const Segment& from = packet.segment(i);
    spreader.Spread(from.length, [&](ForeignPtr to, size_t at, size_t part) {
      to.CopyFrom(from.data + at, part);
      copied += part;
    });
  }
  return copied - kNetHeader;
}

}  // namespace weft::vhost
