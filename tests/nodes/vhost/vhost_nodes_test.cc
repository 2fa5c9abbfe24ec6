// SPDX-License-Identifier: Apache-2.0
// vhost-input and vhost-output in a real graph, with containers that are rings in a memfd.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <functional>

#include "nodes/vhost/vhost_input.h"
#include "nodes/vhost/vhost_output.h"
#include "tests/nodes/vhost/ring_fixture.h"
#include "tests/support/graph_harness.h"

namespace weft::vhost {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using testing::Guest;
using testing::GuestRing;
using testing::PatternFrame;
using testing::WithHeader;

// Packets go to the port whose number is the last byte of their destination; then to whom `mirror`
// says.
struct ByLastByte final : public Node<ByLastByte> {
  static constexpr NodeSpec kSpec{
      .name = "by-last-byte", .arc = "port-input", .last = true, .help = "A switch for tests."};
  enum class Next : uint8_t { kPortOutput };
  static constexpr auto kNexts = Labels<Next>({{Next::kPortOutput, "port-output", "every packet"}});
  void Process(Frame& frame) {
    vectors.push_back(frame.size());
    for (const Packet* packet : frame) order.push_back(packet->in_port().value());
    ForEach(frame, [](Packet& packet) -> Verdict {
      packet.set_out_port(PortId(packet.ethernet().destination.octets()[5]));
      return Next::kPortOutput;
    });
  }
  std::vector<size_t> vectors;
  std::vector<uint16_t> order;
};

Bytes To(uint8_t port, size_t size = 100, uint32_t seed = 1) {
  Bytes frame = PatternFrame(size, seed);
  const Bytes addresses = {2, 0, 0, 0, 0, port, 2, 0, 0, 0, 1, 0};
  std::copy(addresses.begin(), addresses.end(), frame.begin());
  return frame;
}

class VhostNodes : public ::testing::Test {
 protected:
  struct Container {
    explicit Container(PortId port)
        : out(guest, 1024, Direction::kToSwitch, port),
          in(guest, 1024, Direction::kToGuest, port) {}
    Guest guest{16 << 20};
    GuestRing out;  // what the container transmits
    GuestRing in;
  };

  VhostNodes() {
    harness_.Add<VhostInput>(std::cref(table_), std::ref(notifier_), WorkerId(0), kicks_);
    harness_.Add<VhostOutput>(std::cref(table_), std::ref(notifier_), WorkerId(0));
    harness_.Add<ByLastByte>();
    harness_.AddStandIns();
  }
  // Containers 0 to `count` - 1 attach, their rings run, with `buffers` receive buffers each.
  void Attach(uint16_t count, int buffers = 300, uint32_t mtu = 1500) {
    std::vector<PortRings> ports;
    std::vector<PortWiring> wiring;
    for (uint16_t i = 0; i < count; ++i) {
      const PortId id(i);
      containers_.push_back(std::make_unique<Container>(id));
      Container& c = *containers_.back();
      for (int b = 0; b < buffers; ++b) c.in.Post(2048);
      for (GuestRing* ring : {&c.in, &c.out}) Run(*ring);
      ports.push_back({.port = id, .mtu = mtu, .queues = {Pair(c.out, c.in)}});
      wiring.push_back({.port = id, .output = "vhost-output"});
    }
    table_.Store(rcu(), std::make_unique<VhostTable>(std::move(ports)));
    harness_.Wire(std::move(wiring));
  }
  static QueuePair Pair(GuestRing& out, GuestRing& in) {
    return {.worker = WorkerId(0), .to_switch = out.shared_queue(), .to_peer = in.shared_queue()};
  }
  void Run(GuestRing& ring) {
    ring.queue().view.Store(rcu(), std::make_unique<RingView>(ring.view()));
  }
  void Stop(GuestRing& ring) { ring.queue().view.Store(rcu(), nullptr); }
  Rcu& rcu() { return harness_.rcu(); }
  Container& container(size_t i) { return *containers_[i]; }
  uint64_t dropped(uint16_t port, TransmitDrop reason) {
    return harness_.Dropped(PortId(port), "vhost-output", kTransmitDrops.name(reason));
  }

  const std::shared_ptr<const KickSet> kicks_ = std::make_shared<const KickSet>();
  Notifier notifier_;
  std::vector<std::unique_ptr<Container>> containers_;
  Published<VhostTable> table_;
  weft::testing::GraphHarness harness_;
};

TEST_F(VhostNodes, OneCopyFromContainerToContainer) {
  Attach(2);
  const Bytes small = To(1, 60);
  const Bytes large = To(1, 1514);
  container(0).out.Send(small);
  container(0).out.Send(large, {{12}});
  container(1).out.Send(To(0, 300));
  EXPECT_EQ(harness_.Run(), 3u);
  EXPECT_EQ(container(1).in.Receive(), WithHeader(small));
  EXPECT_EQ(container(1).in.Receive(), WithHeader(large));
  EXPECT_EQ(container(0).in.Receive(), WithHeader(To(0, 300)));
  EXPECT_EQ(container(0).out.TakeUsed().size(), 2u);
  EXPECT_EQ(harness_.Counted("vhost-output", "copied-bytes"), 60u + 1514 + 300);
  EXPECT_EQ(harness_.Counted("vhost-input", "snapshot-bytes"), 60u + 116 + 116);
  const PortCounters& port = harness_.counters().port(PortId(0));
  EXPECT_EQ(port.rx_packets.value(), 2u);
  EXPECT_EQ(port.rx_bytes.value(), 60u + 1514);
  EXPECT_EQ(port.tx_packets.value(), 1u);
  EXPECT_EQ(port.tx_bytes.value(), 300u);
}

TEST_F(VhostNodes, SplitsAVectorByPortAndKeepsEachOrder) {
  Attach(5);
  std::vector<std::vector<Bytes>> expected(5);
  for (uint32_t i = 0; i < 250; ++i) {
    const auto to = static_cast<uint8_t>(1 + i * 7 % 4);
    expected[to].push_back(To(to, 64 + i, i));
    container(0).out.Send(expected[to].back());
  }
  EXPECT_EQ(harness_.Run(), 250u);
  for (size_t port = 1; port < 5; ++port) {
    for (const Bytes& frame : expected[port]) {
      EXPECT_EQ(container(port).in.Receive(), WithHeader(frame));
    }
    EXPECT_EQ(container(port).in.Receive(), Bytes());
  }
}

TEST_F(VhostNodes, QuietPortsShareAVectorAndBusyOnesTakeTurns) {
  Attach(3);
  for (uint32_t i = 0; i < 300; ++i) {
    container(0).out.Send(To(2, 64, i));
    container(1).out.Send(To(2, 64, i));
  }
  for (uint32_t i = 0; i < 3; ++i) container(2).out.Send(To(0, 64, i));
  EXPECT_EQ(harness_.Run(), 603u);
  const ByLastByte& seen = harness_.Get<ByLastByte>();
  EXPECT_THAT(seen.vectors, ElementsAre(256, 256, 91));
  // Port 0 fills the first vector; port 1 the second; then what is left, port 2's turn first.
  EXPECT_EQ(seen.order[0], 0);
  EXPECT_EQ(seen.order[256], 1);
  EXPECT_EQ(seen.order[512], 2);
  EXPECT_EQ(std::count(seen.order.begin() + 512, seen.order.end(), 0), 44);
}

TEST_F(VhostNodes, CountsDropsForTheContainerThatIsToBlame) {
  Attach(4, 10);
  Stop(container(3).in);
  for (uint32_t i = 0; i < 15; ++i) container(0).out.Send(To(1, 64, i));
  container(0).out.Send(To(2, 1514));
  container(0).out.Send(To(2, 1515));  // over the MTU
  container(0).out.Send(To(3));
  container(0).out.Send(To(2), {}, testing::Layout::kDirect, {.flags = 1});
  container(0).out.Send(Bytes(13));
  EXPECT_EQ(harness_.Run(), 17u);
  EXPECT_EQ(dropped(1, TransmitDrop::kRingFull), 5u);
  EXPECT_EQ(dropped(3, TransmitDrop::kPortDown), 1u);
  EXPECT_EQ(harness_.Dropped(PortId(0), "vhost-input", "too-long"), 1u);
  EXPECT_EQ(harness_.Dropped(PortId(0), "vhost-input", "bad-offload"), 1u);
  EXPECT_EQ(harness_.Dropped(PortId(0), "vhost-input", "runt"), 1u);
  EXPECT_EQ(harness_.DroppedTotal(), 9u);
  EXPECT_EQ(container(1).in.TakeUsed().size(), 10u);
  EXPECT_EQ(container(2).in.TakeUsed().size(), 1u);
  EXPECT_EQ(container(0).out.TakeUsed().size(), 20u) << "all of it comes back";
}

TEST_F(VhostNodes, AContainerThatWasToldAnMtuGetsAndSendsNothingLonger) {
  Attach(3);
  for (GuestRing* ring : {&container(1).in, &container(1).out}) {
    ring->view().mtu = 1000;
    Run(*ring);
  }
  container(0).out.Send(To(1, 1014));
  container(0).out.Send(To(1, 1015));
  container(0).out.Send(To(2, 1514));
  container(1).out.Send(To(2, 1014));
  container(1).out.Send(To(2, 1015));
  EXPECT_EQ(harness_.Run(), 4u);
  EXPECT_EQ(dropped(1, TransmitDrop::kTooLong), 1u);
  EXPECT_EQ(harness_.Dropped(PortId(1), "vhost-input", "too-long"), 1u);
  EXPECT_EQ(harness_.DroppedTotal(), 2u);
  EXPECT_EQ(container(1).in.TakeUsed().size(), 1u);
  EXPECT_EQ(container(2).in.TakeUsed().size(), 2u);
}

TEST_F(VhostNodes, ReturnsBadFramesThoughNothingElseCameIn) {
  Attach(2);
  for (int i = 0; i < 600; ++i) container(0).out.Send(Bytes(13));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(harness_.graph().PollInputs(), 0u);
  EXPECT_EQ(container(0).out.TakeUsed().size(), 600u);
  EXPECT_EQ(harness_.Dropped(PortId(0), "vhost-input", "runt"), 600u);
  EXPECT_EQ(harness_.pool().taken(), 0u);
}

TEST_F(VhostNodes, AFailedRingStopsAndTheOthersGoOn) {
  Attach(3);
  container(0).out.SetAvailIndex(2000);
  container(1).out.Send(To(2));
  EXPECT_EQ(harness_.Run(), 1u);
  EXPECT_EQ(container(0).out.queue().error(), RingError::kAvailTooFarAhead);
  container(1).out.Send(To(2));
  EXPECT_EQ(harness_.Run(), 1u);
  EXPECT_EQ(container(2).in.TakeUsed().size(), 2u);
}

TEST_F(VhostNodes, InterruptsOnceARingAndDispatch) {
  Attach(2);
  UniqueFd fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  UniqueFd own(dup(fd.get()));
  auto lease = notifier_.Register(PortId(1), std::move(fd));
  ASSERT_TRUE(lease.ok()) << lease.status();
  container(1).in.view().call = (*lease)->handle();
  container(1).in.view().call_lease = *lease;
  Run(container(1).in);
  for (uint32_t i = 0; i < 100; ++i) container(0).out.Send(To(1, 64, i));
  EXPECT_EQ(harness_.Run(), 100u);
  while (notifier_.writes() == 0) std::this_thread::yield();
  uint64_t count = 0;
  ASSERT_EQ(read(own.get(), &count, sizeof(count)), ssize_t{sizeof(count)});
  EXPECT_EQ(count, 1u);
}

TEST_F(VhostNodes, WithEventIndexInterruptsWhenTheContainerAskedForIt) {
  Attach(2);
  UniqueFd fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  auto lease = notifier_.Register(PortId(1), std::move(fd));
  ASSERT_TRUE(lease.ok()) << lease.status();
  GuestRing& in = container(1).in;
  in.view().call = (*lease)->handle();
  in.view().call_lease = *lease;
  in.view().event_index = true;
  Run(in);
  const auto send = [&](uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) container(0).out.Send(To(1, 64, i));
    EXPECT_EQ(harness_.Run(), count);
  };
  const auto writes = [&](uint64_t wanted) {
    while (notifier_.writes() < wanted) std::this_thread::yield();
    EXPECT_EQ(notifier_.writes(), wanted);
  };
  send(1);
  writes(1);
  in.SetUsedEvent(50);
  send(49);  // 1 to 49
  send(1);   // 50
  writes(2);
  send(100);
  in.SetUsedEvent(in.used_index());
  send(1);
  writes(3);
}

TEST_F(VhostNodes, ADeletedPortIsDownAndItsQueuesGoAfterwards) {
  Attach(2);
  const std::weak_ptr<Queue> queue = container(1).in.shared_queue();
  containers_.pop_back();
  EXPECT_FALSE(queue.expired()) << "the table still has it";
  table_.Store(
      rcu(),
      std::make_unique<VhostTable>(std::vector<PortRings>{
          {.port = PortId(0), .mtu = 1500, .queues = {Pair(container(0).out, container(0).in)}}}));
  EXPECT_EQ(rcu().Poll(), 0u);
  EXPECT_TRUE(queue.expired());
  container(0).out.Send(To(1));
  EXPECT_EQ(harness_.Run(), 1u);
  EXPECT_EQ(dropped(1, TransmitDrop::kPortDown), 1u);
}

// A frame that came before the container could see that a kick is wanted brings none: the look
// after the question is what finds it.
TEST_F(VhostNodes, LooksOnceMoreBeforeItSleeps) {
  Attach(2);
  VhostInput& input = harness_.Get<VhostInput>();
  SleepSet quiet;
  input.PrepareSleep(quiet);
  EXPECT_FALSE(quiet.awake());
  EXPECT_EQ(container(0).out.used_flags() & kUsedNoNotify, 0u) << "a kick is asked for";
  container(0).out.Send(To(1));
  SleepSet busy;
  input.PrepareSleep(busy);
  EXPECT_TRUE(busy.awake());
  EXPECT_EQ(harness_.Run(), 1u);
  EXPECT_EQ(container(0).out.used_flags() & kUsedNoNotify, kUsedNoNotify) << "it polls again";
}

}  // namespace
}  // namespace weft::vhost
