// SPDX-License-Identifier: Apache-2.0
// The fastest switch that there can be: it moves indexes, or flags in a
// packed ring, and looks at no frame. What the generator
// reaches against it is the generator's own ceiling.
#pragma once

#include <atomic>
#include <thread>

#include "bench/load/ring_port.h"

namespace weft::load {

class NullSwitch {
 public:
  // Moves bursts from either container to the other, on a thread pinned to `core`. Both containers
  // have the same kind of ring.
  NullSwitch(const AnyRings& one, const AnyRings& two, int core);
  ~NullSwitch();
  NullSwitch(const NullSwitch&) = delete;
  NullSwitch& operator=(const NullSwitch&) = delete;

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace weft::load
