// SPDX-License-Identifier: Apache-2.0
// What `weftd --check` tries beyond reading startup.conf: whether this machine can do what the file
// asks for. Without side effects. Control thread.
#pragma once

#include <string>
#include <vector>

#include "core/config/config.h"
#include "core/module.h"

namespace weft {

// One sentence for each thing that would keep weftd from starting; none if it would start as far as
// can be seen.
std::vector<std::string> Preflight(const Config& config, const std::vector<PortKind>& kinds,
                                   const std::string& runtime_dir);

// The same for one port, whose own directory is `directory`.
absl::Status PreflightPort(const PortConfig& port, const std::vector<PortKind>& kinds,
                           const std::string& directory);

}  // namespace weft
