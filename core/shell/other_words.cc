// SPDX-License-Identifier: Apache-2.0
#include "core/shell/other_words.h"

namespace weft {
namespace {

struct Pair {
  std::string_view theirs, ours;
};

// VPP's command line (`vppctl help`), and fdb/show of ovs-appctl(8).
constexpr Pair kPairs[] = {
    {"show errors", "show drops"},
    {"show error", "show drops"},
    {"show threads", "show workers"},
    {"show interface", "show ports"},
    {"show interfaces", "show ports"},
    {"show int", "show ports"},
    {"show hardware-interfaces", "show ports"},
    {"show hardware", "show ports"},
    {"show vhost-user", "show port"},
    {"show l2fib", "show l2 fdb"},
    {"show fdb", "show l2 fdb"},
    {"fdb/show", "show l2 fdb"},
    {"show mac", "show l2 fdb"},
    {"show bridge-domain", "show bridges"},
    {"show features", "show port"},
    {"show logging", "show log"},
    {"show vlib", "show graph"},
    {"clear trace", "trace clear"},
    {"clear runtime", "clear counters"},
    {"clear errors", "clear counters"},
    {"clear drops", "clear counters"},
    {"clear interfaces", "clear counters"},
    {"pcap", "capture"},
};

}  // namespace

std::string_view OurWords(std::string_view theirs) {
  for (const Pair& pair : kPairs) {
    if (pair.theirs == theirs) return pair.ours;
  }
  return {};
}

}  // namespace weft
