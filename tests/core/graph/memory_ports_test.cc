// SPDX-License-Identifier: Apache-2.0
// A port in memory gets what a wire would carry, whatever the packet's sender left to be done.
#include "core/graph/memory_ports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/packet/offload_request.h"
#include "tests/support/graph_harness.h"
#include "tests/support/offload_frames.h"

namespace weft {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using testing::GraphHarness;
using ::testing::IsEmpty;
using testing::PairSwitch;
using testing::TransportFrame;

constexpr PortId kFirst{0}, kSecond{1};

// Asks of each packet what an input would take from its sender.
class Asker final : public Feature<Asker> {
 public:
  static constexpr NodeSpec kSpec{.name = "asker", .arc = "port-input", .help = "Asks."};
  explicit Asker(VirtioNetHeader asked) : asked_(asked) {}
  void Process(Frame& frame) {
    ForEach(frame, [&](Packet& packet) -> Verdict {
      EXPECT_EQ(ReadOffload(asked_, kOffloadChecksum | kOffloadTso4, packet), OffloadFault::kNone);
      return Continue();
    });
  }

 private:
  const VirtioNetHeader asked_;
};

class MemoryOutputTest : public ::testing::Test {
 protected:
  void Send(const TransportFrame& frame, VirtioNetHeader asked) {
    harness_.Add<Asker>(asked);
    harness_.AddStandIns();
    harness_.Wire({{.port = kFirst, .features = {{"asker", nullptr}}}, {.port = kSecond}});
    harness_.Inject(kFirst, frame.Build(), frame.header());
    harness_.Run();
  }
  GraphHarness harness_;
};

TEST_F(MemoryOutputTest, FillsInAChecksumThatWasLeftOut) {
  const TransportFrame frame;
  Send(frame, frame.Ask());
  EXPECT_THAT(harness_.Sent(kSecond), ElementsAre(testing::Completed(frame.Build())));
}

TEST_F(MemoryOutputTest, CutsSegmentsAndCountsEach) {
  const TransportFrame frame{.payload = 3000};
  Send(frame, frame.Ask(1400));
  const std::vector<Bytes> segments = testing::ReferenceSegments(frame.Build(), 1400);
  ASSERT_EQ(segments.size(), 3U);
  EXPECT_THAT(harness_.Sent(kSecond), ElementsAreArray(segments));
  EXPECT_EQ(harness_.counters().port(kSecond).tx_packets.value(), 3U);
  EXPECT_EQ(harness_.counters().port(kSecond).tx_bytes.value(), 3000 + 3 * frame.header());
}

TEST_F(MemoryOutputTest, AsksOfASegmentWhetherItFitsTheMtu) {
  const TransportFrame frame{.payload = 3000};
  harness_.memory().mtu[kSecond] = 1500;
  Send(frame, frame.Ask(1400));
  EXPECT_EQ(harness_.Sent(kSecond).size(), 3U);
  EXPECT_EQ(harness_.DroppedTotal(), 0U);
}

TEST_F(MemoryOutputTest, DropsSegmentsBeyondTheMtu) {
  const TransportFrame frame{.payload = 3000};
  harness_.memory().mtu[kSecond] = 1000;
  Send(frame, frame.Ask(1400));
  EXPECT_THAT(harness_.Sent(kSecond), IsEmpty());
  EXPECT_EQ(harness_.Dropped(kSecond, "memory-output", "too-long"), 1U);
}

}  // namespace
}  // namespace weft
