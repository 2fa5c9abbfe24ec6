// SPDX-License-Identifier: Apache-2.0
// What memif containers try, by the disciplines of tests/hostile/cases.h.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/hostile/cases.h"

namespace weft::hostile {

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
