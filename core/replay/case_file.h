// SPDX-License-Identifier: Apache-2.0
// A case: what comes in, and what is to come of it, in one file that a person writes.
//
//   # mac-guard drops what another address has sent.
//   === config
//   [plugins]
//   load = ["mac-guard"]
//   ...                                        # a startup.conf
//   === send web-1
//   020000000022 020000000011 0800 c0ffee      # a frame's bytes in hexadecimal
//   length 60 020000000022 020000000099 0800   # the rest is zeroes
//   file frames.pcap                           # beside the case
//   === get web-2
//   020000000022 020000000011 0800 c0ffee
//   === drops
//   web-1 mac-guard spoofed 1
//
// What is sent comes in when the first section follows that says what is to come of it: `get PORT`
// for each port that sends anything, `drops` if any packet is lost, and, where they are of
// interest, `trace` of all nodes or of one, and `counters` of the plugins' nodes; `ask COMMAND` has
// what a command of a module answers. Then more may be sent. `wait 5s` moves the clock first;
// `rounds 3` polls the inputs so often. In lines of frames and of results a # begins a comment.
// Format only: what it means is run_case's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace weft {

struct CaseSection {
  std::string kind;      // "send"
  std::string argument;  // "web-1"
  size_t line = 0;       // of its header in the file, from 1
  std::vector<std::string> lines{};

  // Without comments, blank lines and blanks around a line.
  std::vector<std::string> Said() const;
};

// Whether the section says what is to come of what was sent.
bool IsResult(const CaseSection& section);

struct CaseFile {
  std::string name;                // as it was named to us
  std::vector<std::string> lines;  // before the first section
  std::vector<CaseSection> sections;

  // InvalidArgument with name and line: a section that there is not, or one that lacks or has an
  // argument; text before the first that is no comment; anything but `config` first.
  static absl::StatusOr<CaseFile> Parse(std::string name, std::string_view text);
  std::string ToString() const;
};

}  // namespace weft
