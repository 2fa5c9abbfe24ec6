// SPDX-License-Identifier: Apache-2.0
// How full a split ring is, as its two indexes say (virtio 1.2 §2.7.6, §2.7.8). For people: whoever
// owns the memory may say anything. Control thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "nodes/vhost/queue.h"
#include "nodes/vhost/ring_layout.h"

namespace weft::vhost {

struct RingLevel {
  uint16_t available = 0;  // available->idx, the driver's
  uint16_t used = 0;       // used->idx, ours
  uint16_t waiting = 0;    // chains that the driver made available and we have not returned
};

// Nothing for a packed ring, which has no indexes.
inline std::optional<RingLevel> LevelOf(const RingView& view) {
  if (view.packed) return std::nullopt;
  constexpr size_t kUsedIndex = 2;  // flags, idx, ring[]
  RingLevel level{.available = (view.available + kAvailIndex).Load<uint16_t>(),
                  .used = (view.used + kUsedIndex).Load<uint16_t>()};
  level.waiting = std::min(static_cast<uint16_t>(level.available - level.used), view.size);
  return level;
}

}  // namespace weft::vhost
