// SPDX-License-Identifier: Apache-2.0
// weftctl's side of a capture: starts it, takes it piece by piece over the control socket and
// writes it to a file, a pipe or a FIFO. weftd opens no file for it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/shell/weftctl.h"

namespace weft {

// How a capture has ended.
struct CaptureResult {
  uint64_t packets = 0;
  uint64_t lost = 0;         // found a worker's ring full
  bool reader_gone = false;  // nobody reads what we write any more
};

// Runs `capture start` with these words and writes the pcapng file to `out` until the capture ends,
// SIGINT or SIGTERM ends it, or nobody reads `out`.
absl::StatusOr<CaptureResult> RunCapture(ControlClient& client,
                                         const std::vector<std::string>& words, int out);

// Whether weftctl runs these words itself: `capture ...`, but for the commands of weftd's.
bool IsCaptureCommand(const std::vector<std::string>& words);
// weftctl capture [-w FILE] WORDS...: to FILE, which only its owner may read, or to standard
// output. What it took is said on standard error. Returns the exit status.
int CaptureCommand(ControlClient& client, const std::vector<std::string>& words,
                   const Display& display);

}  // namespace weft
