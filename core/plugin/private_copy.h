// SPDX-License-Identifier: Apache-2.0
// A copy of a file that nobody can change any more: what is judged is what runs, whatever becomes
// of the file, and each copy is a file of its own to the loader, so that new code is new. Control
// thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "core/base/unique_fd.h"

namespace weft {

// The bytes of the regular file open as `fd`, from its beginning, in memory; `name` is for
// /proc/PID/maps. Errors, to be read behind the file's name: it cannot be read, or is larger than
// kLargestPlugin.
inline constexpr size_t kLargestPlugin = size_t{256} << 20;
absl::StatusOr<UniqueFd> PrivateCopy(int fd, const std::string& name);

}  // namespace weft
