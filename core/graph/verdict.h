// SPDX-License-Identifier: Apache-2.0
// What a node says of one packet: one of its own Nexts, one of its own Drops, Continue (the feature
// after me) or Consumed (I keep it). A Verdict belongs to its node class: another node's Next or
// Drop does not convert, so wiring mistakes do not compile. A value, made on
// workers.
#pragma once

#include <cstdint>

namespace weft {

// One byte. Nexts count up from 0, drops from kFirstDrop.
using VerdictCode = uint8_t;
inline constexpr VerdictCode kFirstDrop = 0x80;
inline constexpr VerdictCode kContinue = 0xFE;
inline constexpr VerdictCode kConsumed = 0xFF;
inline constexpr uint8_t kMaxNexts = kFirstDrop;
inline constexpr uint8_t kMaxDropsOfNode = kContinue - kFirstDrop;

constexpr bool IsDrop(VerdictCode code) { return code >= kFirstDrop && code < kContinue; }
constexpr bool IsNext(VerdictCode code) { return code < kFirstDrop; }

template <typename N>
class Verdict {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): nodes return plain enumerators
  constexpr Verdict(typename N::Next next) : code_(static_cast<VerdictCode>(next)) {}
  constexpr Verdict(typename N::Drop drop)  // NOLINT(google-explicit-constructor): see above
      : code_(static_cast<VerdictCode>(kFirstDrop + static_cast<VerdictCode>(drop))) {}

  static constexpr Verdict FromCode(VerdictCode code) { return Verdict(code, 0); }
  constexpr VerdictCode code() const { return code_; }

 private:
  constexpr Verdict(VerdictCode code, int) : code_(code) {}
  VerdictCode code_;
};

}  // namespace weft
