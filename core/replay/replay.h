// SPDX-License-Identifier: Apache-2.0
// Sends the frames of a capture file into one port of a MemorySwitch, one after the other, and
// writes into a directory what comes of them: PORT.pcapng for each port, with the times of the
// frames that came in, drops.txt and trace.txt. Files that are there are written over. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/replay/memory_switch.h"

namespace weft {

struct ReplayResult {
  uint64_t frames = 0;   // that came in
  uint64_t cut = 0;      // of them, those that the capture has not all bytes of: the rest was zero
  uint64_t refused = 0;  // too short or too long to be frames
  std::vector<std::pair<std::string, uint64_t>> sent;  // by port
  std::vector<std::string> drops;                      // as Report has them
};

// Errors: the capture cannot be read; there is no such port; a file cannot be written.
absl::StatusOr<ReplayResult> Replay(MemorySwitch& the_switch, const std::string& capture,
                                    const std::string& port, const std::string& directory);

}  // namespace weft
