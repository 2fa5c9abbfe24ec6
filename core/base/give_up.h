// SPDX-License-Identifier: Apache-2.0
// For what a process cannot run without and the machine does not give at its start, before there is
// anything to be undone: a first thread, a first descriptor. Whoever can returns an absl::Status.
#pragma once

#include <string_view>

namespace weft {

// Says "weft: cannot WHAT: " and what `error`, an errno, means; ends the process with status 1.
[[noreturn]] void GiveUp(std::string_view what, int error);

}  // namespace weft
