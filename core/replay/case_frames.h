// SPDX-License-Identifier: Apache-2.0
// The lines of frames in a case. Private to the room.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace weft {

// The frames of a line: one in hexadecimal, or those of a capture file, whose name is relative to
// `directory`. InvalidArgument: it is neither, or a frame is too short or too long.
absl::StatusOr<std::vector<std::vector<uint8_t>>> ReadFrames(const std::string& line,
                                                             const std::string& directory);
// The frame as a line; a tail of zeroes is left out.
std::string FrameLine(std::span<const uint8_t> frame);

}  // namespace weft
