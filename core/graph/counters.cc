// SPDX-License-Identifier: Apache-2.0
#include "core/graph/counters.h"

#include <cerrno>
#include <cstdlib>

#include "core/base/give_up.h"

namespace weft {

void WorkerCounters::Free::operator()(void* counters) const { std::free(counters); }

WorkerCounters::WorkerCounters()
    : nodes_(std::make_unique<NodeCounters[]>(kMaxNodes)),
      ports_(std::make_unique<PortCounters[]>(kMaxPorts)),
      counters_(std::make_unique<Counter[]>(kMaxCounters)),
      // All-zero bytes are a Counter of 0; calloc gives untouched zero pages.
      drops_(static_cast<Counter*>(std::calloc((kMaxPorts + 1) * kMaxDrops, sizeof(Counter)))),
      arcs_(static_cast<Counter*>(std::calloc(kMaxNodes * kMaxNodes, sizeof(Counter)))),
      latencies_(
          static_cast<LatencyHistogram*>(std::calloc(kMaxPorts + 1, sizeof(LatencyHistogram)))) {
  if (drops_ == nullptr || arcs_ == nullptr || latencies_ == nullptr)
    GiveUp("make the counters of a worker", ENOMEM);
}

}  // namespace weft
