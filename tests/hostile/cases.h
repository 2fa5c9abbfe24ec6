// SPDX-License-Identifier: Apache-2.0
// What is tried: classes of cases, one a file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/hostile/lane.h"

namespace weft::hostile {

struct CaseClass {
  std::string name;
  std::vector<Case> cases;
};

// full: all cases, and longer races; else a sample, of which `seed` decides.
CaseClass MessageCases(bool full, uint32_t seed);
CaseClass TimeCases(bool full);
CaseClass MemoryCases();
CaseClass RingCases();
CaseClass DescriptorCases();
CaseClass RaceCases(bool full);
CaseClass NotificationCases();

inline std::vector<CaseClass> AllCases(bool full, uint32_t seed) {
  return {MessageCases(full, seed), TimeCases(full), MemoryCases(),      RingCases(),
          DescriptorCases(),        RaceCases(full), NotificationCases()};
}

}  // namespace weft::hostile
