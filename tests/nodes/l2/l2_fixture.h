// SPDX-License-Identifier: Apache-2.0
// l2-switch and flood in a graph with ports in memory, for the tests of this room and its fuzz
// target. Ports 0 to 7; frames carry a sequence number, so that every copy can be told.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "nodes/l2/bridge.h"
#include "nodes/l2/flood.h"
#include "nodes/l2/l2_switch.h"
#include "tests/support/graph_harness.h"

namespace weft::l2 {

class SwitchFixture {
 public:
  static constexpr uint16_t kPorts = 8;

  explicit SwitchFixture(const L2State::Options& options = {}, size_t pool_size = 1024)
      : harness(pool_size), state(std::make_unique<L2State>(harness.rcu(), options)) {
    harness.Add<L2Switch>(std::ref(*state));
    harness.Add<Flood>(std::ref(*state));
    harness.AddStandIns();
    std::vector<PortWiring> ports;
    for (uint16_t i = 0; i < kPorts; ++i) ports.push_back({PortId(i), "", {}});
    harness.Wire(std::move(ports));
  }

  // A bridge with ports [first, last], all up.
  BridgeId AddBridge(const std::string& name, uint16_t first, uint16_t last) {
    const BridgeId bridge = *state->AddBridge(name);
    for (uint16_t i = first; i <= last; ++i) AddPort(i, bridge, {});
    return bridge;
  }
  void AddPort(uint16_t port, BridgeId bridge, const PortOptions& options) {
    const absl::Status status = state->AddPort(PortId(port), bridge, options);
    if (!status.ok()) std::abort();
    state->PortUp(PortId(port));
  }

  void Inject(uint16_t port, MacAddress destination, MacAddress source, size_t size = 60) {
    harness.Inject(PortId(port),
                   testing::FrameTo(destination).From(source).Seed(++injected).Size(size).Build());
  }

  // Received packets and clones, less what was sent and dropped: 0, or something leaks.
  int64_t Missing() const {
    const auto in = static_cast<int64_t>(injected + harness.Counted("flood", "clones"));
    return in - static_cast<int64_t>(harness.SentTotal() + harness.DroppedTotal());
  }

  testing::GraphHarness harness;
  std::unique_ptr<L2State> state;
  uint32_t injected = 0;
};

}  // namespace weft::l2
