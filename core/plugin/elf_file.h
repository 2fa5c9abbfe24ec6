// SPDX-License-Identifier: Apache-2.0
// Reads one section out of an ELF file, without loading it. Any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace weft {

// The first `limit` bytes of the section `name` of the shared object open as `fd`, which may be any
// regular file; nothing if it has no such section. Errors, to be read behind the file's name: it is
// no shared object for this machine, or it is damaged.
absl::StatusOr<std::optional<std::string>> ReadElfSection(int fd, std::string_view name,
                                                          size_t limit);

}  // namespace weft
