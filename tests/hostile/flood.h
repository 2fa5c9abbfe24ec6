// SPDX-License-Identifier: Apache-2.0
// Lies by connection that no protocol knows of.
#pragma once

#include <cstddef>

#include "tests/hostile/lane.h"

namespace weft::hostile {

// So many connections of this type that say nothing: as many as the socket takes at a time, which
// are those that it lets wait and the one that has the port, and another for each that is refused.
// All but one are refused in the end, none is forgotten, the log says why, and meanwhile the shell
// answers and another container attaches. `must_fill`: unless so many were there at once, nothing
// was tried.
Complaint PlaySilentFlood(Lane& lane, int type, size_t count, bool must_fill);

}  // namespace weft::hostile
