// SPDX-License-Identifier: Apache-2.0
// So many at once, and then so many a second: what one container's messages and log lines may cost
// everybody else. Control thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/clock.h"

namespace weft {

class TokenBucket {
 public:
  TokenBucket(uint32_t burst, uint32_t per_second)
      : interval_(std::chrono::duration_cast<Time>(std::chrono::seconds(1)) / per_second),
        depth_(interval_ * burst) {}

  // How long until there is a token; zero if there is one.
  Time Wait(Time now) const { return std::max(Time::zero(), empty_at_ + interval_ - depth_ - now); }

  // Takes a token; false if there is none.
  bool Take(Time now) {
    if (Wait(now) > Time::zero()) return false;
    empty_at_ = std::max(empty_at_, now) + interval_;
    return true;
  }

 private:
  const Time interval_;  // what one token is worth
  const Time depth_;     // what a full bucket is worth
  Time empty_at_{0};     // the moment up to which tokens have been taken
};

}  // namespace weft
