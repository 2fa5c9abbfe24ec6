// SPDX-License-Identifier: Apache-2.0
// The header that stands before every frame in a virtio-net ring (virtio 1.2 §5.1.6). weft
// negotiates VERSION_1, so it always has its 12 bytes, and no offload, so it is all zero but for
// num_buffers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/packet/packet.h"

namespace weft::vhost {

struct VirtioNetHeader {
  uint8_t flags = 0;     // NEEDS_CSUM, DATA_VALID, RSC_INFO
  uint8_t gso_type = 0;  // 0 is GSO_NONE
  uint16_t hdr_len = 0;
  uint16_t gso_size = 0;
  uint16_t csum_start = 0;
  uint16_t csum_offset = 0;
  uint16_t num_buffers = 0;
};
static_assert(sizeof(VirtioNetHeader) == Packet::kVirtioNetHeader);

inline constexpr uint32_t kNetHeader = sizeof(VirtioNetHeader);

// The largest chain that a container may send: a header and the largest frame.
inline constexpr uint32_t kMaxChainBytes = kNetHeader + kMaxFrame;

// True if a header asks for an offload. None is offered, so no bit may be set (virtio 1.2
// §5.1.6.2.1); the fields that the bits would give a meaning to are ignored.
inline bool AsksForOffload(const uint8_t* header) {
  uint16_t flags_and_gso_type;
  std::memcpy(&flags_and_gso_type, header, sizeof(flags_and_gso_type));
  return flags_and_gso_type != 0;
}

// Writes the header of a frame that fills `num_buffers` chains of a receive ring. Zero is what the
// tenant did not write.
// Two stores of constants: a struct that is put together field by field is read back from the stack
// by a wider load, which has to wait until every store before it has left the core.
inline void WriteNetHeader(Packet& packet, uint16_t num_buffers) {
  static_assert(offsetof(VirtioNetHeader, num_buffers) == 10);
  const uint64_t first = 0;
  const uint32_t last = uint32_t{num_buffers} << 16;
  std::memcpy(packet.virtio_net_header(), &first, sizeof(first));
  std::memcpy(packet.virtio_net_header() + sizeof(first), &last, sizeof(last));
}

}  // namespace weft::vhost
