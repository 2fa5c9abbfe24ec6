// SPDX-License-Identifier: Apache-2.0
// Whom a guard judges by the clock. What else it does is tried with whole plugins.
#include "core/graph/guard.h"

#include <gtest/gtest.h>

#include <memory>
#include <string_view>
#include <vector>

#include "tests/support/frames.h"
#include "tests/support/graph_harness.h"

namespace weft {
namespace {

using testing::FrameTo;
using testing::GraphHarness;

class Pass final : public Feature<Pass> {
 public:
  static constexpr NodeSpec kSpec{.name = "pass", .arc = "port-input", .help = "Passes."};
  void Process(Frame& frame) {
    ForEach(frame, [](Packet&) -> Verdict { return Continue(); });
  }
};

class Deliver final : public Output<Deliver> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "deliver", .arc = "port-output", .last = true, .help = "Delivers."};
  void Process(Frame& frame) { port_counters(frame[0].out_port()).tx_packets.Add(frame.size()); }
};

// A guard's class as core/plugin makes it, with a budget that nobody keeps to.
template <typename N>
NodeClass Guarded(const std::shared_ptr<GuardState>& state) {
  static constexpr auto kFault = std::to_array<LabelText>({{"plugin-fault", "a test's"}});
  NodeClass node = NodeClassOf<N>([](WorkerId) { return std::make_unique<N>(); });
  node.drops = kFault;
  state->delivers = node.kind == NodeKind::kOutput;
  state->cycles_per_packet = 1;
  node.make = [make = node.make, state](WorkerId worker) {
    return std::make_unique<Guard>(make(worker), state);
  };
  return node;
}

TEST(GuardTest, AFeatureThatTakesTooLongIsOutButNotAnOutput) {
  const auto pass = std::make_shared<GuardState>();
  const auto deliver = std::make_shared<GuardState>();
  GraphHarness harness;
  harness.AddClass(Guarded<Pass>(pass));
  harness.AddClass(Guarded<Deliver>(deliver));
  harness.AddStandIns();
  harness.Wire({{.port = PortId(0), .features = {{"pass", nullptr}}},
                {.port = PortId(1), .output = "deliver"}});
  constexpr unsigned kVectors = 2 * Guard::kStrikes;
  for (unsigned i = 0; i < kVectors; ++i) {
    EXPECT_EQ(pass->fault.load(), i < Guard::kStrikes ? Fault::kNone : Fault::kSlow) << i;
    harness.Inject(PortId(0), FrameTo("02:00:00:00:00:02").Build());
    harness.Run();
  }
  EXPECT_EQ(deliver->fault.load(), Fault::kNone);
  // Who is out is passed by.
  EXPECT_EQ(harness.counters().port(PortId(1)).tx_packets.value(), kVectors);
}

}  // namespace
}  // namespace weft
