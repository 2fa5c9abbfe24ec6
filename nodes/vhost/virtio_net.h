// SPDX-License-Identifier: Apache-2.0
// The header that stands before every frame in a virtio-net ring (virtio 1.2 §5.1.6), as rings see
// it. weft negotiates VERSION_1, so it always has its 12 bytes; without an offload they are all
// zero but for num_buffers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/packet/offload_request.h"
#include "core/packet/packet.h"
#include "core/packet/virtio_net_header.h"

namespace weft::vhost {

using weft::VirtioNetHeader;

inline constexpr uint32_t kNetHeader = sizeof(VirtioNetHeader);

// True if a header asks for an offload: if any bit is set that could give the other fields a
// meaning (virtio 1.2 §5.1.6.2.1). Without one they are ignored.
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

// The same of a packet that leaves its receiver something to do.
inline void WriteOffloadHeader(Packet& packet, uint16_t num_buffers) {
  VirtioNetHeader header{.num_buffers = num_buffers};
  WriteOffload(packet, header);
  std::memcpy(packet.virtio_net_header(), &header, sizeof(header));
}

}  // namespace weft::vhost
