// SPDX-License-Identifier: Apache-2.0
// For whoever copies packets out: having the payload fetched in time, and where the next byte goes.
// Workers only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/packet/packet.h"

namespace weft {

// Brings nearer what is soon copied.
inline void PrefetchPayload(const Packet& packet) {
  if (packet.segment_count() == 0) return;
  const Segment& from = packet.segment(0);
  for (uint32_t at = 0; at < from.length; at += 64) (from.data + at).Prefetch();
}

// Where the next byte of a frame goes when it is spread over pieces.
class Spreader {
 public:
  explicit Spreader(const Segment* pieces) : piece_(pieces) {}

  // Calls copy(to, offset, length) for each part of the next `length` bytes.
  template <typename Copy>
  void Spread(size_t length, Copy copy) {
    for (size_t done = 0; done < length;) {
      if (used_ == piece_->length) {
        ++piece_;
        used_ = 0;
        continue;
      }
      const size_t part = std::min<size_t>(length - done, piece_->length - used_);
      copy(piece_->data + used_, done, part);
      used_ += part;
      done += part;
    }
  }

 private:
  const Segment* piece_;
  size_t used_ = 0;
};

}  // namespace weft
