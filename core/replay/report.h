// SPDX-License-Identifier: Apache-2.0
// What a MemorySwitch has done since it was last asked, as lines of text: the form in which cases
// and replays show it. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/replay/memory_switch.h"

namespace weft {

class Report {
 public:
  // `from` outlives the report.
  explicit Report(MemorySwitch& from) : from_(from) {}

  // "web-1 mac-guard spoofed 2": whose loss it is, the node, its reason and how many packets.
  std::vector<std::string> Drops();
  // "policer refilled 3": what nodes of plugins have counted.
  std::vector<std::string> Counters();
  // "1 mac-guard: drop: spoofed (source 02:00:00:00:00:12)": the number of the traced frame, where
  // that of trace 1 is `first`, the node, its verdict and what it looked at; by number, then in the
  // frame's order.
  std::vector<std::string> Trace(uint64_t first);
  // Steps for which the ring of traces had no room, ever.
  uint64_t lost_steps() const { return from_.graph().trace_ring().lost.value(); }

 private:
  // How much a count has grown since last time.
  uint64_t Grown(std::map<std::pair<size_t, size_t>, uint64_t>& known, size_t a, size_t b,
                 uint64_t now);

  MemorySwitch& from_;
  std::map<std::pair<size_t, size_t>, uint64_t> drops_;
  std::map<std::pair<size_t, size_t>, uint64_t> counts_;
};

}  // namespace weft
