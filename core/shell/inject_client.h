// SPDX-License-Identifier: Apache-2.0
// weftctl's side of `trace inject`: reads the frames of a capture file, which weftd does not open
// for anybody, and asks about each.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/shell/weftctl.h"
#include "core/shell/words.h"

namespace weft {

struct FileInjection {
  std::string port, path;
};
// Whether the line is `trace inject port PORT FILE`: what stands for the frame is a file that is
// there, or has a dot or a slash, as no frame has.
std::optional<FileInjection> FindFileInjection(std::span<const Word> line);

// Asks for each packet of the file, at most kMaxInjected. Returns the exit status.
inline constexpr size_t kMaxInjected = 100;
int InjectFile(ControlClient& client, const FileInjection& injection, const Display& display,
               std::string_view where);

}  // namespace weft
