// SPDX-License-Identifier: Apache-2.0
// What control wants to see of one worker's packets: traces and captures. Control builds a Watch
// and publishes it (Graph::SetWatch); while there is none, which is the rule, the worker pays a
// test a dispatch and nothing a packet.
//
// While there is one every packet that comes in is marked, and the steps of marked packets are what
// traces and captures choose from.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/ids.h"
#include "core/graph/capture_tap.h"
#include "core/graph/counters.h"
#include "core/packet/packet_filter.h"

namespace weft {

// Packet::trace() of a packet that is no traced one and yet marked, because captures look at it.
inline constexpr uint16_t kWatched = 0xffff;

// The next `count` packets that reach `node` are traced, by each worker.
struct TraceRequest {
  NodeId node;
  uint32_t count = 0;
  PortId port{};  // only those that came from there, or go there by then; invalid: all
  std::shared_ptr<const PacketFilter> filter{};  // null: all
  uint32_t number = 0;  // of this request; the count starts again with another one
};

struct Watch {
  std::shared_ptr<const TraceRequest> trace{};      // may be null
  std::vector<std::shared_ptr<CaptureTap>> taps{};  // of this worker
};

}  // namespace weft
