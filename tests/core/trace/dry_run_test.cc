// SPDX-License-Identifier: Apache-2.0
#include "core/trace/dry_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/trace/trace_book.h"
#include "tests/support/graph_harness.h"

namespace weft {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using testing::GraphHarness;

// A feature that drops long frames and remembers in `*seen` how many it was asked about.
class Counting final : public Feature<Counting> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "counting", .arc = "port-input", .before = "pair-switch", .help = "Counts."};
  enum class Drop : uint8_t { kLong };
  static constexpr auto kDrops = Labels<Drop>({{Drop::kLong, "long", "more than 1000 bytes"}});
  explicit Counting(int* seen) : seen_(seen) {}
  void Process(Frame& frame) {
    ForEach(frame, [this](Packet& packet) -> Verdict {
      if (seen_ != nullptr) ++*seen_;
      if (packet.length() > 1000) return Drop::kLong;
      return Continue();
    });
  }

 private:
  int* const seen_;
};

class DryRunTest : public ::testing::Test {
 protected:
  DryRunTest() {
    harness_.AddClass(
        NodeClassOf<Counting>([this](WorkerId) { return std::make_unique<Counting>(&seen_); },
                              [](WorkerId) { return std::make_unique<Counting>(nullptr); }));
    harness_.AddStandIns();
    harness_.Wire({{.port = PortId(0), .features = {{"counting", std::make_shared<int>()}}},
                   {.port = PortId(1)}});
  }

  std::vector<std::string> Run(PortId port, const Bytes& frame) {
    std::vector<std::string> steps;
    for (const TraceStep& step :
         DryRun(harness_.graph().plan(), harness_.tables(), WorkerId(7), port, frame)) {
      const NodeClass& node = harness_.catalog().node(step.node);
      steps.push_back(std::string(node.spec.name) + " " + VerdictText(node, step.verdict));
    }
    return steps;
  }

  int seen_ = 0;
  GraphHarness harness_;
};

TEST_F(DryRunTest, GoesTheRealWayAndChangesNothing) {
  EXPECT_THAT(Run(PortId(0), Bytes(60)),
              ElementsAre("port-input continue", "counting continue", "pair-switch -> port-output",
                          "memory-output sent"));
  EXPECT_THAT(
      Run(PortId(1), Bytes(60)),
      ElementsAre("port-input continue", "pair-switch -> port-output", "memory-output sent"));
  EXPECT_THAT(Run(PortId(0), Bytes(1500)),
              ElementsAre("port-input continue", "counting drop: long"));
  EXPECT_THAT(Run(PortId(5), Bytes(60)), ElementsAre("port-input drop: port-gone"));
  EXPECT_EQ(harness_.SentTotal(), 0U);
  EXPECT_EQ(harness_.DroppedTotal(), 0U);
  EXPECT_EQ(harness_.counters().dispatches.value(), 0U);
  EXPECT_EQ(seen_, 0) << "the node that it made is the dry one";
}

TEST_F(DryRunTest, LeavesWhatWaitsAlone) {
  harness_.Inject(PortId(0), Bytes(60));
  Run(PortId(0), Bytes(60));
  EXPECT_EQ(harness_.memory().waiting.size(), 1U);
  harness_.Run();
  EXPECT_EQ(harness_.SentTotal(), 1U);
  EXPECT_EQ(seen_, 1);
}

}  // namespace
}  // namespace weft
