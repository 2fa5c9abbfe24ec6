// SPDX-License-Identifier: Apache-2.0
// The header that stands before every frame in a virtio-net ring, and before those of a TAP with
// IFF_VNET_HDR (virtio 1.2 §5.1.6; Linux' include/uapi/linux/virtio_net.h). Its fields are
// little-endian, as every machine is that weft runs on. Plain data without behaviour; any
// thread.
#pragma once

#include <cstdint>

#include "core/packet/packet.h"

namespace weft {

struct VirtioNetHeader {
  uint8_t flags = 0;
  uint8_t gso_type = 0;
  uint16_t hdr_len = 0;
  uint16_t gso_size = 0;
  uint16_t csum_start = 0;
  uint16_t csum_offset = 0;
  uint16_t num_buffers = 0;  // of a ring alone
};
static_assert(sizeof(VirtioNetHeader) == Packet::kVirtioNetHeader);

// VirtioNetHeader::flags
inline constexpr uint8_t kNeedsChecksum = 1;
inline constexpr uint8_t kDataValid = 2;  // says something of a frame that nobody has to believe
// VirtioNetHeader::gso_type
inline constexpr uint8_t kGsoNone = 0;
inline constexpr uint8_t kGsoTcp4 = 1;
inline constexpr uint8_t kGsoTcp6 = 4;
inline constexpr uint8_t kGsoEcn = 0x80;  // a bit beside the type

}  // namespace weft
