// SPDX-License-Identifier: Apache-2.0
// The pieces that root's power comes in (capabilities(7)): which a thread has, and giving up the
// others for good. The kernel keeps them by thread, so each thread gives up its own. Any thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace weft {

class CapabilitySet {
 public:
  constexpr CapabilitySet() = default;
  // Numbers of linux/capability.h.
  constexpr CapabilitySet(std::initializer_list<int> numbers) {
    for (const int number : numbers) Add(number);
  }
  static constexpr CapabilitySet OfBits(uint64_t bits) {
    CapabilitySet set;
    set.bits_ = bits;
    return set;
  }
  // What the calling thread may use now.
  static CapabilitySet Effective();
  // The number of "net-admin"; nothing if there is no such capability.
  static std::optional<int> NumberOf(std::string_view name);

  constexpr void Add(int number) { bits_ |= uint64_t{1} << number; }
  constexpr bool Has(int number) const { return (bits_ >> number & 1) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr uint64_t bits() const { return bits_; }
  // "chown, net-admin"; "nothing" if it is empty.
  std::string ToString() const;

  friend constexpr CapabilitySet operator|(CapabilitySet a, CapabilitySet b) {
    return OfBits(a.bits_ | b.bits_);
  }
  friend constexpr CapabilitySet operator&(CapabilitySet a, CapabilitySet b) {
    return OfBits(a.bits_ & b.bits_);
  }
  // What is in `a` and not in `b`.
  friend constexpr CapabilitySet operator-(CapabilitySet a, CapabilitySet b) {
    return OfBits(a.bits_ & ~b.bits_);
  }
  friend constexpr bool operator==(CapabilitySet a, CapabilitySet b) = default;

 private:
  uint64_t bits_ = 0;  // bit n: capability number n
};

// The calling thread gives up, for good, whatever is not in `kept`: it cannot get it back, nor can
// a program that it would execute.
absl::Status KeepOnly(CapabilitySet kept);

}  // namespace weft
