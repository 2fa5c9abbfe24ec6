// SPDX-License-Identifier: Apache-2.0
// Whose a socket is and who may connect to it, as startup.conf says: `owner`, `group`, `mode`.
// Control thread.
#pragma once

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"

namespace weft {

// The number that chown leaves alone.
inline constexpr uid_t kUnchangedOwner = 0xffff'ffff;

struct FileRights {
  uid_t owner = kUnchangedOwner;
  gid_t group = kUnchangedOwner;
  mode_t mode = 0660;

  // From the three texts; the first error there is.
  static absl::StatusOr<FileRights> From(const std::string& owner, const std::string& group,
                                         const std::string& mode);
};

// The number of a user or group, from its name or number; of "" the one that chown leaves alone.
// NotFound if there is none of that name.
absl::StatusOr<uid_t> UserOf(const std::string& text);
absl::StatusOr<gid_t> GroupOf(const std::string& text);
// "0660" as permission bits. InvalidArgument for anything that is not octal or beyond 0777.
absl::StatusOr<mode_t> ModeOf(const std::string& text);

}  // namespace weft
