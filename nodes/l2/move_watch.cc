// SPDX-License-Identifier: Apache-2.0
#include "nodes/l2/move_watch.h"

#include <optional>

#include "core/base/text.h"

namespace weft::l2 {

void MoveWatch::Look() {
  for (const auto& port : ports_.ports()) {
    uint32_t& seen = seen_[port->id.value()];
    const uint32_t moves = state_.fdb().moves(port->id);
    if (moves == seen) continue;
    seen = moves;
    // None: the port has gone down since, or it is another one of the same number.
    const std::optional<FdbMove> move = state_.fdb().last_move(port->id);
    if (!move) continue;
    events_.Add(
        EventKind::kMacMoved, port->name,
        Cat(move->mac.ToString(), " to ", ports_.NameOf(move->to), ", bridge ", port->bridge));
  }
}

}  // namespace weft::l2
