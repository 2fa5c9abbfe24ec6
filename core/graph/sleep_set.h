// SPDX-License-Identifier: Apache-2.0
// What a worker that has nothing to do sleeps on: the input nodes put their descriptors in, or say
// that there is work after all. Worker thread only.
#pragma once

#include <poll.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "core/base/clock.h"

namespace weft {

class SleepSet {
 public:
  static constexpr size_t kCapacity = 16;

  // Wakes the worker when `fd`, which is ours and no tenant's, can be read. The node keeps it open,
  // and sees to it in Wake that it cannot be read for ever.
  void Watch(int fd) {
    if (size_ == kCapacity) {
      awake_ = true;
    } else {
      fds_[size_++] = {.fd = fd, .events = POLLIN, .revents = 0};
    }
  }
  // The worker sleeps no longer than until then, by the clock of its graph.
  void WakeAt(Time time) { wake_at_ = std::min(wake_at_, time); }
  // There is work: the worker does not sleep.
  void StayAwake() { awake_ = true; }

  bool awake() const { return awake_; }
  Time wake_at() const { return wake_at_; }  // Time::max(): there is no such time
  pollfd* data() { return fds_.data(); }
  size_t size() const { return size_; }

 private:
  std::array<pollfd, kCapacity> fds_;
  size_t size_ = 0;
  bool awake_ = false;
  Time wake_at_ = Time::max();
};

}  // namespace weft
