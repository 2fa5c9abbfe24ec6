// SPDX-License-Identifier: Apache-2.0
// Runs a case (core/replay/case_file.h) and compares. Every packet is accounted for: what leaves by
// a port that the case does not name, or is lost for a reason that it does not, fails it. One
// thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/replay/case_file.h"
#include "core/replay/memory_switch.h"

namespace weft {

struct CaseResult {
  // What is not as the case says: "spoofed.case:12: get web-2", then lines that begin with "- "
  // (missing), "+ " (unexpected) or "  " (as it should be). None: it passed.
  std::vector<std::string> failures;
  CaseFile as_it_went;  // the case with what really came of it
};

// InvalidArgument, with name and line: the configuration, a frame or a port of it is wrong.
absl::StatusOr<CaseResult> RunCase(const CaseFile& file, Modules modules,
                                   const std::string& plugin_directory);

// What a node cost in a run: of the packets that the case sends, again and again.
struct NodeCost {
  std::string node;
  uint64_t packets = 0;
  double cycles = 0;  // TSC ticks a packet: the median of the runs
  double least = 0, most = 0;
};
// Sends everything that the case sends, in vectors as full as they get, until each of `runs` has
// had `packets`. Errors as RunCase's.
absl::StatusOr<std::vector<NodeCost>> MeasureCase(const CaseFile& file, Modules modules,
                                                  const std::string& plugin_directory, size_t runs,
                                                  size_t packets);

}  // namespace weft
