// SPDX-License-Identifier: Apache-2.0
#include "core/packet/foreign.h"

#if defined(WEFT_COUNT_GUEST_LOADS)

#include <cstdio>
#include <cstdlib>
#include <map>
#include <vector>

namespace weft {
namespace {

// Loaded ranges, start to end, disjoint; one map for each open guard of the thread.
using Ranges = std::map<uintptr_t, uintptr_t>;
// A load has no object to ask. Debugging aid, never in a release build.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): see above
thread_local std::vector<Ranges> guards;

}  // namespace

namespace internal {

void NoteForeignLoad(const void* host, size_t length) {
  if (guards.empty() || length == 0) return;
  Ranges& ranges = guards.back();
  const auto begin = reinterpret_cast<uintptr_t>(host);
  const uintptr_t end = begin + length;
  const auto next = ranges.lower_bound(begin);
  const bool overlaps_next = next != ranges.end() && next->first < end;
  const bool overlaps_previous = next != ranges.begin() && std::prev(next)->second > begin;
  if (overlaps_next || overlaps_previous) {
    std::fprintf(stderr, "double fetch of foreign memory: %zu bytes at %p\n", length, host);
    std::abort();
  }
  ranges.emplace(begin, end);
}

}  // namespace internal

ForeignLoadGuard::ForeignLoadGuard() { guards.emplace_back(); }
ForeignLoadGuard::~ForeignLoadGuard() { guards.pop_back(); }
void ForeignLoadGuard::Restart() { guards.back().clear(); }

}  // namespace weft

#endif
