// SPDX-License-Identifier: Apache-2.0
// weftctl's side of a capture: starts it, takes it piece by piece over the control socket and
// writes it to a file, a pipe or a FIFO. weftd opens no file for it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/unique_fd.h"
#include "core/shell/command.h"
#include "core/shell/weftctl.h"

namespace weft {

// How a capture has ended.
struct CaptureResult {
  uint64_t packets = 0;
  uint64_t lost = 0;         // found a worker's ring full
  bool reader_gone = false;  // nobody reads what we write any more
};

// Runs `capture start` with these words and writes the pcapng file to what `open` opens, which is
// called once weftd has taken the words, until the capture ends, SIGINT or SIGTERM ends it, or
// nobody reads there any more.
absl::StatusOr<CaptureResult> RunCapture(ControlClient& client,
                                         const std::vector<std::string>& words,
                                         const std::function<absl::StatusOr<UniqueFd>()>& open);

// weftctl capture [-w FILE] ...: to FILE, which only its owner may read, or to standard output.
// What it took is said on standard error. Returns the exit status.
int RunCaptureCommand(ControlClient& client, const Arguments& arguments, const Display& display,
                      std::string_view where);

}  // namespace weft
