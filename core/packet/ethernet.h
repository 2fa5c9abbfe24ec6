// SPDX-License-Identifier: Apache-2.0
// Headers as they stand on the wire; every field is big-endian and unaligned. Plain data; any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/mac_address.h"

namespace weft {

// A 16-bit field in network byte order.
class BigEndian16 {
 public:
  constexpr BigEndian16() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): a field reads and writes like a number
  constexpr BigEndian16(uint16_t host)
      : octets_{static_cast<uint8_t>(host >> 8), static_cast<uint8_t>(host)} {}
  constexpr operator uint16_t() const {  // NOLINT(google-explicit-constructor): see above
    return static_cast<uint16_t>(octets_[0] << 8 | octets_[1]);
  }

 private:
  uint8_t octets_[2]{};
};

// IEEE 802.3 §3.2, without preamble and frame check sequence.
struct EthernetHeader {
  MacAddress destination;
  MacAddress source;
  BigEndian16 type;
};
static_assert(sizeof(EthernetHeader) == 14 && alignof(EthernetHeader) == 1);

inline constexpr size_t kMinFrame =
    sizeof(EthernetHeader);  // below it there is no header to decide on
inline constexpr size_t kMinWireFrame =
    60;  // what a NIC sends at least, without its check sequence
inline constexpr size_t kMaxFrame = 9216;

// True if a frame of `length` bytes is longer than a port of `mtu` takes. A VLAN tag is on top of
// the MTU (IEEE 802.1Q §6.11). `frame` is at least kMinFrame bytes.
inline bool ExceedsMtu(const uint8_t* frame, uint32_t length, uint32_t mtu) {
  constexpr uint32_t kTag = 4;
  const uint32_t untagged = mtu + static_cast<uint32_t>(kMinFrame);
  if (length <= untagged) [[likely]]
    return false;
  const bool tagged = (frame[12] == 0x81 && frame[13] == 0x00) ||  // 802.1Q
                      (frame[12] == 0x88 && frame[13] == 0xa8);    // 802.1ad
  return !tagged || length > untagged + kTag;
}

}  // namespace weft
