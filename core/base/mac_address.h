// SPDX-License-Identifier: Apache-2.0
// An Ethernet address, six octets as on the wire (IEEE 802-2014 §8.2). A value; any thread, but for
// Parse and ToString, which are not for workers.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace weft {

class MacAddress {
 public:
  constexpr MacAddress() = default;
  constexpr explicit MacAddress(std::array<uint8_t, 6> octets) : octets_(octets) {}

  // Reads "02:00:00:00:00:01" (any case); nothing on any other text.
  static std::optional<MacAddress> Parse(std::string_view text);
  // The address in the low 48 bits of `bits`, first octet in bits 40 to 47.
  static constexpr MacAddress FromBits(uint64_t bits) {
    MacAddress mac;
    for (size_t i = 0; i < 6; ++i) mac.octets_[i] = static_cast<uint8_t>(bits >> (8 * (5 - i)));
    return mac;
  }

  constexpr uint64_t bits() const {
    uint64_t value = 0;
    for (uint8_t octet : octets_) value = value << 8 | octet;
    return value;
  }
  constexpr const std::array<uint8_t, 6>& octets() const { return octets_; }
  // Group addresses (broadcast and multicast) have the lowest bit of the first octet set.
  constexpr bool is_group() const { return (octets_[0] & 1) != 0; }
  constexpr bool is_broadcast() const { return bits() == 0xffff'ffff'ffff; }
  constexpr bool is_zero() const { return bits() == 0; }
  // "02:00:00:00:00:01"
  std::string ToString() const;

  constexpr auto operator<=>(const MacAddress&) const = default;

 private:
  std::array<uint8_t, 6> octets_{};
};

}  // namespace weft
