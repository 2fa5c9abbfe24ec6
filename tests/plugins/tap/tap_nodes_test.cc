// SPDX-License-Identifier: Apache-2.0
// Both nodes on queues that are sockets of the test's: one message each is one frame, as with a
// TAP, and the kernel's end is ours to play.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "plugins/tap/tap_input.h"
#include "plugins/tap/tap_output.h"
#include "plugins/tap/tap_table.h"
#include "tests/support/frames.h"
#include "tests/support/graph_harness.h"
#include "tests/support/offload_frames.h"

namespace weft::tap {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using testing::FrameTo;
using testing::GraphHarness;
using ::testing::IsEmpty;
using testing::MacNumber;
using ::testing::SizeIs;
using testing::TransportFrame;

constexpr size_t kNetHeader = Packet::kVirtioNetHeader;

// A queue of a TAP and the kernel behind it.
class Kernel {
 public:
  Kernel() {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()),
              0);
    weft_ = UniqueFd(ends[0]);
    kernel_ = UniqueFd(ends[1]);
  }
  UniqueFd TakeQueue() { return std::move(weft_); }
  // The container sends a frame.
  void Send(const Bytes& frame, const Bytes& header = Bytes(kNetHeader)) {
    Bytes message = header;
    message.insert(message.end(), frame.begin(), frame.end());
    ASSERT_EQ(send(kernel_.get(), message.data(), message.size(), 0),
              static_cast<ssize_t>(message.size()));
  }
  // All messages that it was sent: header and frame.
  std::vector<Bytes> Receive() {
    std::vector<Bytes> messages;
    Bytes message(1 << 16);
    for (ssize_t got; (got = recv(kernel_.get(), message.data(), message.size(), 0)) > 0;)
      messages.emplace_back(message.begin(), message.begin() + got);
    return messages;
  }
  void Die() { kernel_.reset(); }

 private:
  UniqueFd weft_, kernel_;
};

Bytes Behind(const Bytes& message) { return {message.begin() + kNetHeader, message.end()}; }

constexpr PortId kOne(0), kTwo(1);  // joined by the harness's switch
constexpr WorkerId kWorker(0);
constexpr uint32_t kMtu = 1500;

class TapNodesTest : public ::testing::Test {
 protected:
  TapNodesTest() : state_(graph_.rcu()) {
    graph_.AddClass(NodeClassOf<TapInput>(
        [this](WorkerId worker) { return std::make_unique<TapInput>(state_.table(), worker, 0); }));
    graph_.AddClass(NodeClassOf<TapOutput>(
        [this](WorkerId worker) { return std::make_unique<TapOutput>(state_.table(), worker); }));
    graph_.AddStandIns();
    graph_.Wire({{.port = kOne, .output = "tap-output"}, {.port = kTwo, .output = "tap-output"}});
    Connect(kOne, kernels_[0], kMtu);
    Connect(kTwo, kernels_[1], kMtu);
  }
  void Connect(PortId port, Kernel& kernel, uint32_t mtu) {
    std::vector<UniqueFd> queues;
    queues.push_back(kernel.TakeQueue());
    devices_[port.value()] = std::make_shared<TapDevice>(std::move(queues));
    state_.Connect({port, {kWorker}, mtu, devices_[port.value()]});
  }
  uint64_t In(std::string_view reason, PortId port = kOne) {
    return graph_.Dropped(port, "tap-input", reason);
  }
  uint64_t Out(std::string_view reason, PortId port = kTwo) {
    return graph_.Dropped(port, "tap-output", reason);
  }
  static Bytes FrameOf(size_t size, uint32_t seed = 1) {
    return FrameTo(MacNumber(2)).From(MacNumber(1)).Size(size).Seed(seed).Build();
  }

  GraphHarness graph_;
  TapState state_;
  std::array<Kernel, 2> kernels_;
  std::array<std::shared_ptr<TapDevice>, 2> devices_;
};

TEST_F(TapNodesTest, CarriesFramesOfEveryLengthAsTheyAre) {
  for (const size_t size : {14, 15, 60, 115, 116, 117, 118, 128, 1000, 1513, 1514}) {
    const Bytes frame = FrameOf(size, static_cast<uint32_t>(size));
    kernels_[0].Send(frame);
    EXPECT_EQ(graph_.Run(), 1U);
    const std::vector<Bytes> got = kernels_[1].Receive();
    ASSERT_THAT(got, SizeIs(1));
    EXPECT_EQ(Behind(got[0]), frame) << size;
    EXPECT_EQ(Bytes(got[0].begin(), got[0].begin() + kNetHeader), Bytes(kNetHeader)) << size;
  }
  EXPECT_EQ(graph_.DroppedTotal(), 0U);
  EXPECT_EQ(graph_.counters().port(kOne).rx_packets.value(), 11U);
  EXPECT_EQ(graph_.counters().port(kTwo).tx_packets.value(), 11U);
  EXPECT_EQ(graph_.counters().port(kOne).rx_bytes.value(),
            graph_.counters().port(kTwo).tx_bytes.value());
}

TEST_F(TapNodesTest, KeepsTheOrderOfManyAndTellsThePayloadsApart) {
  std::vector<Bytes> sent;
  for (uint32_t i = 0; i < 100; ++i) {
    sent.push_back(FrameOf(200 + 7 * i, i));
    kernels_[0].Send(sent.back());
  }
  EXPECT_EQ(graph_.Run(), 100U);
  std::vector<Bytes> got;
  for (const Bytes& message : kernels_[1].Receive()) got.push_back(Behind(message));
  EXPECT_EQ(got, sent);
  EXPECT_EQ(graph_.DroppedTotal(), 0U);
}

TEST_F(TapNodesTest, OnePortDoesNotStarveAnother) {
  for (uint32_t i = 0; i < 60; ++i) kernels_[0].Send(FrameOf(60, i));
  kernels_[1].Send(FrameOf(60, 99));
  graph_.graph().PollInputs();
  // In the first round already, though the first queue still has frames.
  EXPECT_THAT(kernels_[0].Receive(), SizeIs(1));
  const size_t first = kernels_[1].Receive().size();
  EXPECT_LT(first, 60U);
  graph_.Run();
  EXPECT_THAT(kernels_[1].Receive(), SizeIs(60 - first));
}

TEST_F(TapNodesTest, DropsWhatIsNoFrame) {
  kernels_[0].Send(Bytes(13, 0xff));
  kernels_[0].Send({});
  kernels_[0].Send({}, Bytes(5));
  graph_.Run();
  EXPECT_EQ(In("runt"), 3U);
  EXPECT_EQ(graph_.DroppedTotal(), 3U);
  EXPECT_THAT(kernels_[1].Receive(), IsEmpty());
}

TEST_F(TapNodesTest, DropsWhatIsLongerThanTheMtuOnEitherSide) {
  kernels_[0].Send(FrameOf(1515));
  kernels_[0].Send(FrameOf(9217));
  kernels_[0].Send(FrameOf(kMaxOffloadFrame + 1));
  graph_.Run();
  EXPECT_EQ(In("too-long"), 3U);
  Kernel narrow;
  Connect(kTwo, narrow, 1000);
  kernels_[0].Send(FrameOf(1014));
  kernels_[0].Send(FrameOf(1015));
  graph_.Run();
  EXPECT_EQ(Out("too-long"), 1U);
  EXPECT_THAT(narrow.Receive(), SizeIs(1));
  EXPECT_EQ(graph_.DroppedTotal(), 4U);
}

Bytes HeaderBytes(const VirtioNetHeader& header) {
  Bytes bytes(kNetHeader);
  std::memcpy(bytes.data(), &header, sizeof(header));
  return bytes;
}

VirtioNetHeader HeaderOf(const Bytes& message) {
  VirtioNetHeader header;
  std::memcpy(&header, message.data(), sizeof(header));
  return header;
}

TEST_F(TapNodesTest, HandsOnWhatTheKernelLeftToBeDone) {
  for (const bool ipv6 : {false, true}) {
    const TransportFrame plan{.ipv6 = ipv6, .payload = 60'000, .seed = 3};
    const Bytes frame = plan.Build();
    kernels_[0].Send(frame, HeaderBytes(plan.Ask(1400)));
    EXPECT_EQ(graph_.Run(), 1U);
    const std::vector<Bytes> got = kernels_[1].Receive();
    ASSERT_THAT(got, SizeIs(1));
    const VirtioNetHeader header = HeaderOf(got[0]);
    EXPECT_EQ(header.flags, kNeedsChecksum);
    EXPECT_EQ(header.gso_type, ipv6 ? kGsoTcp6 : kGsoTcp4);
    EXPECT_EQ(header.gso_size, 1400);
    EXPECT_EQ(header.csum_start, plan.transport());
    EXPECT_EQ(header.hdr_len, plan.header());
    // All of it but the checksum's field, where the sum of the pseudo-header belongs.
    Bytes sent = frame;
    Bytes received = Behind(got[0]);
    for (Bytes* bytes : {&sent, &received})
      std::fill_n(bytes->begin() + static_cast<ptrdiff_t>(plan.transport() + 16), 2, uint8_t{0});
    EXPECT_EQ(received, sent);
  }
  EXPECT_EQ(graph_.DroppedTotal(), 0U);
}

TEST_F(TapNodesTest, AChecksumAloneIsLeftToo) {
  const TransportFrame plan{.udp = true, .payload = 700};
  kernels_[0].Send(plan.Build(), HeaderBytes(plan.Ask()));
  graph_.Run();
  const std::vector<Bytes> got = kernels_[1].Receive();
  ASSERT_THAT(got, SizeIs(1));
  EXPECT_EQ(HeaderOf(got[0]).flags, kNeedsChecksum);
  EXPECT_EQ(HeaderOf(got[0]).gso_type, kGsoNone);
}

TEST_F(TapNodesTest, TheMtuIsThatOfASegment) {
  const TransportFrame plan{.payload = 20'000};
  const auto fits = static_cast<uint16_t>(kMtu - (plan.header() - plan.network()));
  kernels_[0].Send(plan.Build(), HeaderBytes(plan.Ask(fits)));
  kernels_[0].Send(plan.Build(), HeaderBytes(plan.Ask(static_cast<uint16_t>(fits + 1))));
  graph_.Run();
  EXPECT_EQ(In("too-long"), 1U);
  EXPECT_THAT(kernels_[1].Receive(), SizeIs(1));
}

TEST_F(TapNodesTest, DropsAHeaderThatContradictsItsFrame) {
  const TransportFrame plan{.payload = 5000};
  VirtioNetHeader unknown = plan.Ask(1000);
  unknown.gso_type = 3;  // UDP
  VirtioNetHeader elsewhere = plan.Ask(1000);
  ++elsewhere.csum_start;
  VirtioNetHeader alone = plan.Ask(1000);
  alone.flags = 0;
  for (const VirtioNetHeader& header : {unknown, elsewhere, alone})
    kernels_[0].Send(plan.Build(), HeaderBytes(header));
  graph_.Run();
  EXPECT_EQ(In("bad-header"), 3U);
  // No TCP or UDP; and too much work for so few bytes.
  kernels_[0].Send(FrameTo(MacNumber(2)).From(MacNumber(1)).Type(0x88b5).Size(200).Build(),
                   HeaderBytes(plan.Ask()));
  kernels_[0].Send(plan.Build(), HeaderBytes(plan.Ask(30)));
  graph_.Run();
  EXPECT_EQ(In("unsupported-offload"), 1U);
  EXPECT_EQ(In("too-many-segments"), 1U);
  EXPECT_EQ(graph_.DroppedTotal(), 5U);
  EXPECT_THAT(kernels_[1].Receive(), IsEmpty());
}

TEST_F(TapNodesTest, AHeaderThatVouchesForChecksumsAsksForNothing) {
  VirtioNetHeader valid;
  valid.flags = kDataValid;
  kernels_[0].Send(FrameOf(60), HeaderBytes(valid));
  graph_.Run();
  const std::vector<Bytes> got = kernels_[1].Receive();
  ASSERT_THAT(got, SizeIs(1));
  EXPECT_EQ(HeaderOf(got[0]).flags, 0) << "what a sender vouches for goes no further";
}

TEST_F(TapNodesTest, AQueueThatEndsIsSeenAndLeftAlone) {
  kernels_[0].Die();
  graph_.Run();
  EXPECT_TRUE(devices_[0]->seen_gone());
  EXPECT_FALSE(devices_[1]->seen_gone());
  // And whoever sends there hears it.
  kernels_[1].Send(FrameOf(60));
  graph_.Run();
  EXPECT_EQ(Out("port-down", kOne), 1U);
  EXPECT_EQ(graph_.DroppedTotal(), 1U);
}

TEST_F(TapNodesTest, APortWithoutTapDrops) {
  state_.Disconnect(kTwo);
  kernels_[0].Send(FrameOf(60));
  graph_.Run();
  EXPECT_EQ(Out("port-down"), 1U);
}

TEST_F(TapNodesTest, AKernelWithoutRoomDropsThisFrameAlone) {
  // The socket's buffer, in place of the kernel's memory: nobody reads.
  constexpr uint32_t kMany = 2000;
  uint64_t sent = 0;
  for (uint32_t i = 0; i < kMany; ++i) {
    kernels_[0].Send(FrameOf(1514, i));
    graph_.Run();
    ++sent;
  }
  const uint64_t lost = Out("no-memory");
  EXPECT_GT(lost, 0U);
  EXPECT_THAT(kernels_[1].Receive(), SizeIs(sent - lost));
  kernels_[0].Send(FrameOf(60));
  graph_.Run();
  EXPECT_THAT(kernels_[1].Receive(), SizeIs(1));
}

TEST_F(TapNodesTest, AWorkerSleepsOnItsQueuesButNotOnOneThatHasGone) {
  auto& input = graph_.Get<TapInput>();
  EXPECT_TRUE(input.CanSleep());
  SleepSet both;
  input.PrepareSleep(both);
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(poll(both.data(), both.size(), 0), 0);
  kernels_[1].Send(FrameOf(60));
  EXPECT_EQ(poll(both.data(), both.size(), 0), 1);
  kernels_[0].Die();
  graph_.Run();
  SleepSet one;
  input.PrepareSleep(one);
  EXPECT_EQ(one.size(), 1U);
}

TEST_F(TapNodesTest, AWorkerWithMoreQueuesThanASleepSetHasRoomForNaps) {
  std::vector<Kernel> more(8);
  for (uint16_t i = 0; i < more.size(); ++i) {
    std::vector<UniqueFd> queues;
    queues.push_back(more[i].TakeQueue());
    state_.Connect({PortId(static_cast<uint16_t>(10 + i)),
                    {kWorker},
                    kMtu,
                    std::make_shared<TapDevice>(std::move(queues))});
  }
  EXPECT_FALSE(graph_.Get<TapInput>().CanSleep());
}

}  // namespace
}  // namespace weft::tap
