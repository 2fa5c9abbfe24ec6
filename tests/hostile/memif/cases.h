// SPDX-License-Identifier: Apache-2.0
// What memif containers try, by the disciplines of tests/hostile/cases.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/text.h"
#include "plugins/memif/protocol.h"
#include "tests/hostile/cases.h"

namespace weft::hostile {

// What is wrong with a message in itself, in the order in which it shows; empty: nothing.
inline std::string RefusalOf(uint16_t type, size_t length, size_t fds) {
  constexpr uint16_t kLast = 8;
  if (length != sizeof(memif::Message)) return "has not the 128 bytes that every message has";
  const auto known = static_cast<memif::MessageType>(type);
  if (type == 0 || type > kLast) return Cat("a message of type ", type, ", which is unknown");
  const bool has_one =
      known == memif::MessageType::kAddRegion || known == memif::MessageType::kAddRing;
  if (fds == (has_one ? 1U : 0U)) return "";
  return Cat("a message of type ", type, " came with ", fds, " descriptors instead of ");
}

// These cases, of this liar's.
inline CaseClass PlayedBy(Liar liar, CaseClass cases) {
  for (Case& one : cases.cases) one.liar = liar;
  return cases;
}

// full: all cases, and longer races; else a sample, of which `seed` decides.
CaseClass MemifMessageCases(bool full, uint32_t seed);
CaseClass MemifTimeCases(bool full);
CaseClass MemifMemoryCases();
CaseClass MemifFileSystemCases();
CaseClass MemifRingCases();
CaseClass MemifDescriptorCases(bool full, uint32_t seed);
CaseClass MemifNotificationCases();
CaseClass MemifRaceCases(bool full, uint32_t seed, bool guarded);
// To whom weft is the client.
CaseClass MemifServerMessageCases(bool full, uint32_t seed);
CaseClass MemifServerRingCases(bool full, uint32_t seed);

inline std::vector<CaseClass> AllMemifCases(bool full, uint32_t seed) {
  return {MemifMessageCases(full, seed),
          MemifTimeCases(full),
          MemifMemoryCases(),
          MemifFileSystemCases(),
          MemifRingCases(),
          MemifDescriptorCases(full, seed),
          MemifRaceCases(full, seed, true),
          MemifRaceCases(full, seed, false),
          MemifNotificationCases(),
          MemifServerMessageCases(full, seed),
          MemifServerRingCases(full, seed)};
}

}  // namespace weft::hostile
