// SPDX-License-Identifier: Apache-2.0
// Reports addresses that moved from one port to another as events. Workers only count a move and
// leave the last one with the port that lost it (Fdb::last_move); this looks at that from time to
// time. So whatever a container does, a port has one event a look at most, which names the last
// address that it lost, and two ports that take one address from each other for ever have one event
// each, with a count: see EventLog. Owned by the l2 module; control thread.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/ids.h"
#include "core/events/event.h"
#include "core/port/port_table.h"
#include "nodes/l2/bridge.h"

namespace weft::l2 {

class MoveWatch {
 public:
  static constexpr Time kPeriod = std::chrono::seconds(1);  // between two looks

  MoveWatch(const L2State& state, const PortTable& ports, EventSink& events)
      : state_(state), ports_(ports), events_(events) {}

  // Reports what moved since the last look.
  void Look();

 private:
  const L2State& state_;
  const PortTable& ports_;
  EventSink& events_;
  std::array<uint32_t, kMaxPorts> seen_{};  // Fdb::moves at the last look
};

}  // namespace weft::l2
