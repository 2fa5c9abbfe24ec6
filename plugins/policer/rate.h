// SPDX-License-Identifier: Apache-2.0
// A rate as startup.conf has it, "10kpps" or "100Mbit/s", and what it earns in a time. Any thread
// may compute; text is for the control thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/sdk/weft.h"

namespace weft::policer {

// What a token is worth: of a rate in packets it is a packet, of one in bits a byte.
enum class Unit : uint8_t { kPackets, kBytes };

struct Rate {
  uint64_t per_second = 0;  // packets, or bits
  Unit unit = Unit::kPackets;

  // Tokens that have come by then, modulo 2^64. Nothing is rounded but the end: tokens do not get
  // lost however often one asks.
  uint64_t Earned(Time now) const {
    __extension__ using Wide = unsigned __int128;
    constexpr uint64_t kSecond = 1'000'000'000;
    const uint64_t bits_of_token = unit == Unit::kPackets ? 1 : 8;
    return static_cast<uint64_t>(Wide{static_cast<uint64_t>(now.count())} * per_second /
                                 (kSecond * bits_of_token));
  }
  // What a bucket holds if nobody says: 10 ms of the rate, and at least a packet that is to be cut
  // into as many segments as weft makes of one.
  uint64_t DefaultBurst() const;
  std::string ToString() const;  // as one would write it

  bool operator==(const Rate&) const = default;
};

// From 1 a second to 1 Gpps or 1 Tbit/s; nothing if `text` is something else.
std::optional<Rate> ParseRate(std::string_view text);

}  // namespace weft::policer
