// SPDX-License-Identifier: Apache-2.0
// A reply with its columns' kinds as JSON, so that weftctl can render it: it knows the terminal's
// width and colours, and what was there a round before. Text goes as a string, a table as
// {"columns":[[NAME,HELP,KIND],...],"rows":[[...],...],"if-empty":"..."}, a record as
// {"fields":[[NAME,HELP,KIND,VALUE],...]}, sections as {"sections":[[TITLE,...],...]}. Private to
// the room.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "absl/status/statusor.h"
#include "core/shell/reply.h"

namespace weft {

// Control characters and bad bytes are \xNN already.
nlohmann::ordered_json ToTyped(const Reply& reply);

// InvalidArgument if that is no reply. A kind that this program does not know is text.
absl::StatusOr<Reply> FromTyped(const nlohmann::ordered_json& json);

}  // namespace weft
