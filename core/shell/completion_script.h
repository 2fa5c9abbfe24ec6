// SPDX-License-Identifier: Apache-2.0
// What `weftctl completion bash|zsh` prints.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace weft {

// InvalidArgument: it is neither "bash" nor "zsh".
absl::StatusOr<std::string> CompletionScript(std::string_view shell);

}  // namespace weft
