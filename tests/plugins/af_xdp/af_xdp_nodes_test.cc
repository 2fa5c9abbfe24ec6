// SPDX-License-Identifier: Apache-2.0
// The plugin's nodes in a graph, between two kernels in memory: port 0 and port 1.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "plugins/af_xdp/af_xdp_input.h"
#include "plugins/af_xdp/af_xdp_output.h"
#include "plugins/af_xdp/af_xdp_state.h"
#include "tests/plugins/af_xdp/fake_kernel.h"
#include "tests/support/graph_harness.h"

namespace weft::af_xdp {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using testing::FrameTo;
using testing::GraphHarness;
using ::testing::IsEmpty;
using testing::MacNumber;

constexpr PortId kLeft(0), kRight(1);

Bytes FrameOf(uint32_t seed, size_t size = 60) {
  return FrameTo(MacNumber(1)).Seed(seed).Size(size).Build();
}

// UDP from 10.0.0.1 to 10.0.0.2, 2 bytes of payload. The field has the pseudo-header's sum.
const Bytes kPartial = {0x02, 0, 0, 0,  0,  2,  0x02, 0,    0,    0,    0, 1, 0x08, 0,  // Ethernet
                        0x45, 0, 0, 30, 0,  0,  0x40, 0,    64,   17,   0, 0,           // IPv4
                        10,   0, 0, 1,  10, 0,  0,    2,                                //
                        0,    7, 0, 7,  0,  10, 0x14, 0x1e, 0x12, 0x34,  // UDP and payload
                        0,    0, 0, 0,  0,  0,  0,    0,    0,    0,    0, 0, 0,    0, 0, 0};
// ~(0x141e + 0x0007 + 0x0007 + 0x000a + 0x1234)
const Bytes kComplete = [] {
  Bytes complete = kPartial;
  complete[40] = 0xd9;
  complete[41] = 0x95;
  return complete;
}();

// Says of every packet to a port that it has such an offload.
class Leaves final : public Feature<Leaves> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "leaves", .arc = "port-output", .before = "af-xdp-output", .help = "For a test."};
  explicit Leaves(const Offload& offload) : offload_(offload) {}
  void Process(weft::Frame& frame) {
    ForEach(frame, [this](Packet& packet) -> Verdict {
      packet.set_offload(offload_);
      return Continue();
    });
  }

 private:
  const Offload& offload_;
};

class AfXdpNodesTest : public ::testing::Test {
 protected:
  AfXdpNodesTest() {
    harness_.Add<AfXdpInput>(std::cref(state_.table()), WorkerId(0));
    harness_.Add<AfXdpOutput>(std::cref(state_.table()), WorkerId(0));
    harness_.Add<Leaves>(std::cref(left_to_do_));
    harness_.AddStandIns();
    harness_.Wire({{.port = kLeft, .output = "af-xdp-output", .features = {}},
                   {.port = kRight, .output = "af-xdp-output", .features = {{"leaves", nullptr}}}});
    Connect(kLeft, left_);
    Connect(kRight, right_);
  }
  void Connect(PortId port, FakeKernel& kernel, bool complete_checksums = true) {
    state_.Connect({.port = port,
                    .workers = {WorkerId(0)},
                    .mtu = 1500,
                    .complete_checksums = complete_checksums,
                    .queues = {&kernel.queue()},
                    .owner = owner_});
  }
  uint64_t Dropped(PortId port, std::string_view node, std::string_view reason) {
    return harness_.Dropped(port, node, reason);
  }
  PortCounters& counters(PortId port) { return harness_.counters().port(port); }

  Offload left_to_do_;  // by what goes to the right; nothing
  GraphHarness harness_;
  std::shared_ptr<int> owner_ = std::make_shared<int>();
  AfXdpState state_{harness_.rcu()};
  FakeKernel left_, right_;
};

TEST_F(AfXdpNodesTest, CarriesFramesInOrder) {
  std::vector<Bytes> sent;
  for (uint32_t i = 0; i < 600; ++i) {
    sent.push_back(FrameOf(i, 60 + i % 1455));
    ASSERT_TRUE(left_.Receive(sent.back()));
  }
  EXPECT_EQ(harness_.Run(), 600U);
  EXPECT_EQ(right_.Take(), sent);
  EXPECT_THAT(left_.Take(), IsEmpty());
  EXPECT_EQ(harness_.DroppedTotal(), 0U);
  EXPECT_EQ(left_.FreeChunks(), kReceiveFrames) << "all chunks are the kernel's again";
  EXPECT_EQ(counters(kLeft).rx_packets.value(), 600U);
  EXPECT_EQ(counters(kRight).tx_packets.value(), 600U);
  EXPECT_EQ(counters(kLeft).rx_bytes.value(), counters(kRight).tx_bytes.value());
  EXPECT_EQ(harness_.Counted("af-xdp-output", "copied-bytes"), counters(kRight).tx_bytes.value());
}

TEST_F(AfXdpNodesTest, CarriesFramesBothWays) {
  ASSERT_TRUE(left_.Receive(FrameOf(1)));
  ASSERT_TRUE(right_.Receive(FrameOf(2)));
  EXPECT_EQ(harness_.Run(), 2U);
  EXPECT_THAT(right_.Take(), ElementsAre(FrameOf(1)));
  EXPECT_THAT(left_.Take(), ElementsAre(FrameOf(2)));
}

TEST_F(AfXdpNodesTest, PadsShortFramesWithZeroes) {
  // A chunk that has held something before.
  ASSERT_TRUE(left_.Receive(FrameOf(1, 1514)));
  harness_.Run();
  right_.Take();
  right_.Complete();
  ASSERT_TRUE(left_.Receive(FrameOf(2, 20)));
  EXPECT_EQ(harness_.Run(), 1U);
  Bytes padded = FrameOf(2, 20);
  padded.resize(60);
  EXPECT_THAT(right_.Take(), ElementsAre(padded));
}

TEST_F(AfXdpNodesTest, DropsWhatHasNoHeader) {
  ASSERT_TRUE(left_.Receive(Bytes(13)));
  ASSERT_TRUE(left_.Receive(FrameOf(1, 14)));
  EXPECT_EQ(harness_.Run(), 1U);
  EXPECT_EQ(Dropped(kLeft, "af-xdp-input", "runt"), 1U);
  EXPECT_EQ(left_.FreeChunks(), kReceiveFrames);
  ASSERT_TRUE(left_.Receive(Bytes(0)));  // and when it is the only one
  EXPECT_EQ(harness_.Run(), 0U);
  EXPECT_EQ(left_.FreeChunks(), kReceiveFrames);
}

TEST_F(AfXdpNodesTest, DropsDescriptorsOutsideOfItsMemory) {
  left_.ReceiveAt(UINT64_MAX - 5, 60);
  left_.ReceiveAt(kHeadroom, kSmallChunk);
  ASSERT_TRUE(left_.Receive(FrameOf(1)));
  EXPECT_EQ(harness_.Run(), 1U);
  EXPECT_EQ(Dropped(kLeft, "af-xdp-input", "bad-descriptor"), 2U);
  EXPECT_THAT(right_.Take(), ElementsAre(FrameOf(1)));
  EXPECT_EQ(left_.FreeChunks(), kReceiveFrames);
}

TEST_F(AfXdpNodesTest, DropsWhatIsLongerThanTheMtu) {
  Bytes tagged = FrameOf(3, 1518);
  tagged[12] = 0x81;
  tagged[13] = 0x00;
  ASSERT_TRUE(left_.Receive(FrameOf(1, 1514)));
  ASSERT_TRUE(left_.Receive(FrameOf(2, 1515)));
  ASSERT_TRUE(left_.Receive(tagged));
  harness_.Run();
  EXPECT_EQ(Dropped(kRight, "af-xdp-output", "too-long"), 1U);
  EXPECT_THAT(right_.Take(), ElementsAre(FrameOf(1, 1514), tagged));
}

TEST_F(AfXdpNodesTest, DropsWhatTheKernelHasNoRoomFor) {
  // It takes frames, and never says that they are sent.
  for (uint32_t i = 0; i < kTransmitFrames + 10; ++i) {
    ASSERT_TRUE(left_.Receive(FrameOf(i)));
    harness_.Run();
  }
  EXPECT_EQ(Dropped(kRight, "af-xdp-output", "tx-full"), 10U);
  EXPECT_EQ(right_.Take().size(), kTransmitFrames);
  right_.Complete();
  ASSERT_TRUE(left_.Receive(FrameOf(7)));
  harness_.Run();
  EXPECT_THAT(right_.Take(), ElementsAre(FrameOf(7)));
  EXPECT_EQ(counters(kRight).tx_packets.value(), kTransmitFrames + 1);
}

TEST_F(AfXdpNodesTest, DropsWhatGoesToAPortThatIsDown) {
  state_.Disconnect(kRight);
  ASSERT_TRUE(left_.Receive(FrameOf(1)));
  ASSERT_TRUE(right_.Receive(FrameOf(2)));
  EXPECT_EQ(harness_.Run(), 1U) << "nobody polls a port that is down";
  EXPECT_EQ(Dropped(kRight, "af-xdp-output", "port-down"), 1U);
  EXPECT_EQ(left_.FreeChunks(), kReceiveFrames);
  Connect(kRight, right_);
  EXPECT_EQ(harness_.Run(), 1U);
  EXPECT_THAT(left_.Take(), ElementsAre(FrameOf(2)));
}

TEST_F(AfXdpNodesTest, CompletesChecksumsWhereItIsTo) {
  ASSERT_TRUE(left_.Receive(kPartial));
  harness_.Run();
  EXPECT_THAT(right_.Take(), ElementsAre(kComplete));
  EXPECT_EQ(harness_.Counted("af-xdp-input", "completed-checksums"), 1U);
  Connect(kLeft, left_, false);
  ASSERT_TRUE(left_.Receive(kPartial));
  harness_.Run();
  EXPECT_THAT(right_.Take(), ElementsAre(kPartial));
  EXPECT_EQ(harness_.Counted("af-xdp-input", "completed-checksums"), 1U);
}

TEST_F(AfXdpNodesTest, DoesInSoftwareWhatASenderLeft) {
  Connect(kLeft, left_, false);
  left_to_do_ = {.needs = kOffloadChecksum, .transport = 34 | Offload::kUdp, .segment_size = 0};
  ASSERT_TRUE(left_.Receive(kPartial));
  harness_.Run();
  EXPECT_THAT(right_.Take(), ElementsAre(kComplete));

  // TCP with 1000 bytes in segments of 400.
  Bytes large = {0x02, 0, 0,    0,    0,  2, 0x02, 0, 0,  0, 0, 1, 0x08, 0,  // Ethernet
                 0x45, 0, 0x04, 0x10, 0,  0, 0x40, 0, 64, 6, 0, 0,           // IPv4
                 10,   0, 0,    1,    10, 0, 0,    2,                        //
                 0,    7, 0,    7,    0,  0, 0,    1, 0,  0, 0, 2, 0x50, 0x18,
                 1,    1, 0,    0,    0,  0};  // TCP
  for (int i = 0; i < 1000; ++i) large.push_back(static_cast<uint8_t>(i));
  left_to_do_ = {.needs = kOffloadChecksum | kOffloadTso4, .transport = 34, .segment_size = 400};
  ASSERT_TRUE(left_.Receive(large));
  harness_.Run();
  Bytes joined;
  std::vector<size_t> sizes;
  for (const Bytes& frame : right_.Take()) {
    sizes.push_back(frame.size());
    joined.insert(joined.end(), frame.begin() + 54, frame.end());
  }
  EXPECT_THAT(sizes, ElementsAre(454U, 454U, 254U));
  EXPECT_EQ(joined, Bytes(large.begin() + 54, large.end()));
  EXPECT_EQ(harness_.DroppedTotal(), 0U);
  EXPECT_EQ(counters(kRight).tx_packets.value(), 4U);
}

TEST_F(AfXdpNodesTest, SleepsUnlessSomethingWaitsForAKick) {
  AfXdpInput& input = harness_.Get<AfXdpInput>();
  EXPECT_TRUE(input.CanSleep());
  SleepSet quiet;
  input.PrepareSleep(quiet);
  EXPECT_FALSE(quiet.awake());
  EXPECT_EQ(quiet.size(), 2U) << "both sockets wake it";
  right_.SleepUntilWoken(true);
  ASSERT_TRUE(left_.Receive(FrameOf(1)));
  harness_.Run();
  SleepSet waiting;
  input.PrepareSleep(waiting);
  EXPECT_TRUE(waiting.awake());
  right_.Take();
  SleepSet taken;
  input.PrepareSleep(taken);
  EXPECT_FALSE(taken.awake());
}

TEST_F(AfXdpNodesTest, NapsWithMoreSocketsThanItCanWatch) {
  std::vector<std::unique_ptr<FakeKernel>> more;
  for (uint16_t i = 2; i <= SleepSet::kCapacity / 2; ++i) {
    more.push_back(std::make_unique<FakeKernel>());
    Connect(PortId(i), *more.back());
  }
  EXPECT_FALSE(harness_.Get<AfXdpInput>().CanSleep());
}

TEST_F(AfXdpNodesTest, KeepsWhatWorkersUseUntilTheyDoNot) {
  const AfXdpState::Key key{"", "veth1"};
  EXPECT_FALSE(state_.InUse(key));
  auto taken = std::make_shared<int>();
  state_.SetOpened(key, taken);
  EXPECT_TRUE(state_.InUse(key));
  EXPECT_FALSE(state_.InUse({"/run/netns/a", "veth1"}));
  taken.reset();
  EXPECT_FALSE(state_.InUse(key));
}

}  // namespace
}  // namespace weft::af_xdp
