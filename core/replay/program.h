// SPDX-License-Identifier: Apache-2.0
// The part of weftd that runs no switch: `weftd --test`, `--bench` and `--replay`. It needs neither
// root nor EAL, and gives nothing to anybody.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "core/replay/memory_switch.h"

namespace weft {

// For weftd's own usage.
inline constexpr std::string_view kReplayUsage =
    "weftd --test [--write] [--plugins DIR] CASE...\n"
    "weftd --bench [--plugins DIR] CASE\n"
    "weftd --replay CAPTURE --port PORT --out DIR [--plugins DIR] [FILE]\n"
    "\n"
    "Runs what a startup.conf describes with ports in memory: no root, no huge pages.\n"
    "  --test       runs each CASE and compares; docs/dev/sdk.md has their form\n"
    "  --write      writes into each CASE what really came of it\n"
    "  --bench      what each node costs a packet of those that CASE sends\n"
    "  --replay     sends the frames of a pcap or pcapng file into a port of FILE, and\n"
    "               writes to DIR what each port was sent, what was dropped and a trace\n"
    "  --plugins    where plugins are that [plugins] loads without a directory\n";

// The exit status, if the arguments ask for one of them: 0 all is as it should be, 1 it is not, 2
// called wrongly.
std::optional<int> RunReplayProgram(int argc, char** argv,
                                    const std::function<Modules()>& builtin_modules);

}  // namespace weft
