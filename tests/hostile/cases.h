// SPDX-License-Identifier: Apache-2.0
// What is tried: classes of cases, one a file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/hostile/lane.h"

namespace weft::hostile {

struct CaseClass {
  std::string name;
  std::vector<Case> cases;
  std::optional<bool> guarded = std::nullopt;  // by mac-guard or not: in such lanes alone
  bool silent_files = false;                   // needs them
  size_t huge_pages = 0;                       // as many for each lane
};

// full: all cases, and longer races; else a sample, of which `seed` decides.
CaseClass MessageCases(bool full, uint32_t seed);
CaseClass TimeCases(bool full);
CaseClass MemoryCases();
CaseClass HugePageCases();
CaseClass FileSystemCases();
CaseClass RingCases(bool full, uint32_t seed);
CaseClass RingIndexCases(bool full, uint32_t seed);
CaseClass DescriptorCases();
CaseClass OffloadCases();
// `seed`: what is rewritten when; `guarded`: by mac-guard, or by the bridge alone.
CaseClass RaceCases(bool full, uint32_t seed, bool guarded);
CaseClass NotificationCases();

inline std::vector<CaseClass> AllCases(bool full, uint32_t seed) {
  return {MessageCases(full, seed),
          TimeCases(full),
          MemoryCases(),
          HugePageCases(),
          FileSystemCases(),
          RingCases(full, seed),
          RingIndexCases(full, seed),
          DescriptorCases(),
          OffloadCases(),
          RaceCases(full, seed, true),
          RaceCases(full, seed, false),
          NotificationCases()};
}

}  // namespace weft::hostile
