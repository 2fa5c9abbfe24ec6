// SPDX-License-Identifier: Apache-2.0
// Where sockets live. Control thread, at start.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "core/config/config.h"

namespace weft {

// The directory that startup.conf names; else DefaultRuntimeDir of core/base/runtime_path.h.
std::string RuntimeDir(const WeftConfig& config);
// The control socket's path: absolute, or relative to `runtime_dir`.
std::string ControlSocketPath(const WeftConfig& config, const std::string& runtime_dir);

// Makes the directory (0755 for root, so that tenants reach their ports below it; else 0700), or
// accepts one that is ours.
absl::Status PrepareRuntimeDir(const std::string& path);
// What would keep PrepareRuntimeDir from working; without side effects.
absl::Status CheckRuntimeDir(const std::string& path);

}  // namespace weft
