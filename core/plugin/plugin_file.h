// SPDX-License-Identifier: Apache-2.0
// What can be known of a plugin's file without running any of it: who may write it, that it is a
// shared object of this machine, and what it says of itself in its section .weft_plugin. dlopen
// runs static constructors, so all of this comes before. Control thread.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/unique_fd.h"
#include "core/sdk/stamp.h"

namespace weft {

struct PluginFile {
  std::string path;             // absolute, without links
  UniqueFd copy;                // of it, private: see core/plugin/private_copy.h
  PluginDescriptor descriptor;  // as in the file, where `make` means nothing yet
};

// Copies the file and judges the copy. Errors, each a sentence with the path and what to do: the
// file or its directory belongs to somebody else than root or us, or may be written by others; it
// is no shared object for this machine, damaged, or no weft plugin; its stamp is not ours; its name
// is not the file's; it could never be unloaded.
absl::StatusOr<PluginFile> InspectPluginFile(const std::string& path);

// OK if the stamps agree; else every part that does not, theirs and ours.
absl::Status CompareStamps(const Stamp& theirs, const Stamp& ours);

}  // namespace weft
