// SPDX-License-Identifier: Apache-2.0
// Checksums and segments that a container leaves to be made: what is handed on to whom, what is
// made in software, what is refused. Real rings, in a real graph.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "nodes/vhost/vhost_input.h"
#include "nodes/vhost/vhost_output.h"
#include "tests/nodes/vhost/ring_fixture.h"
#include "tests/support/graph_harness.h"
#include "tests/support/offload_frames.h"

namespace weft::vhost {
namespace {

using testing::Bytes;
using testing::Guest;
using testing::GuestQueue;
using testing::GuestRing;
using testing::WithHeader;
using weft::testing::Completed;
using weft::testing::ReferenceSegments;
using weft::testing::TransportFrame;
using weft::testing::WhatIsWrong;

// Every packet goes to ports 1, 2, ... up to the last byte of its destination, as a flood does it.
struct ToAll final : public Node<ToAll> {
  static constexpr NodeSpec kSpec{
      .name = "to-all", .arc = "port-input", .last = true, .help = "A flood for tests."};
  enum class Next : uint8_t { kPortOutput };
  static constexpr auto kNexts = Labels<Next>({{Next::kPortOutput, "port-output", "every packet"}});
  void Process(Frame& frame) {
    ForEach(frame, [this](Packet& packet) -> Verdict {
      const uint16_t last = packet.ethernet().destination.octets()[5];
      for (uint16_t port = 1; port < last; ++port) {
        Packet* const clone = Clone(packet);
        clone->set_out_port(PortId(port));
        Emit(*clone, Next::kPortOutput);
      }
      packet.set_out_port(PortId(last));
      return Next::kPortOutput;
    });
  }
};

constexpr OffloadSet kNothing = 0;

// Containers whose rings are of one layout. Port 0 sends; what the others take, Attach says.
template <typename Ring>
class VhostOffload : public ::testing::Test {
 protected:
  struct Container {
    explicit Container(PortId port)
        : out(guest, 1024, Direction::kToSwitch, port),
          in(guest, 1024, Direction::kToGuest, port) {}
    Guest guest{32 << 20};
    Ring out;
    Ring in;
  };

  VhostOffload() {
    harness_.Add<VhostInput>(std::cref(table_), std::ref(notifier_), WorkerId(0));
    harness_.Add<VhostOutput>(std::cref(table_), std::ref(notifier_), WorkerId(0));
    harness_.Add<ToAll>();
    harness_.AddStandIns();
  }
  // Port 0, which may leave `left`, and a port for each of `taken`.
  void Attach(OffloadSet left, const std::vector<OffloadSet>& taken, int buffers = 200,
              uint32_t mtu = 1500, size_t buffer = 2048) {
    std::vector<PortRings> ports;
    std::vector<PortWiring> wiring;
    for (uint16_t i = 0; i <= taken.size(); ++i) {
      const PortId id(i);
      containers_.push_back(std::make_unique<Container>(id));
      Container& c = *containers_.back();
      if (i == 0) {
        c.out.view().left = left;
        if ((left & kOffloadTso) != 0) c.out.view().longest_frame = kMaxOffloadFrame;
      } else {
        c.in.view().taken = taken[i - 1];
        for (int b = 0; b < buffers; ++b) c.in.Post(buffer);
      }
      for (GuestQueue* ring : {static_cast<GuestQueue*>(&c.in), static_cast<GuestQueue*>(&c.out)}) {
        ring->queue().view.Store(harness_.rcu(), std::make_unique<RingView>(ring->view()));
      }
      const uint32_t own = i == 0 ? kMtu0 : mtu;
      ports.push_back({.port = id,
                       .mtu = own,
                       .queues = {{.worker = WorkerId(0),
                                   .to_switch = c.out.shared_queue(),
                                   .to_peer = c.in.shared_queue()}}});
      wiring.push_back({.port = id, .output = "vhost-output"});
    }
    table_.Store(harness_.rcu(), std::make_unique<VhostTable>(std::move(ports)));
    harness_.Wire(std::move(wiring));
  }
  // A frame of port 0's to all ports up to `last`.
  static TransportFrame To(uint8_t last, uint32_t payload) {
    TransportFrame frame{.payload = payload};
    frame.destination = weft::testing::MacNumber(last);
    return frame;
  }
  void Send(const Bytes& frame, VirtioNetHeader header) {
    containers_[0]->out.Send(frame, {}, testing::Layout::kDirect, header);
  }
  // All frames that a port has got, headers away; the headers are all zero but for num_buffers.
  std::vector<Bytes> Plain(uint16_t port) {
    std::vector<Bytes> frames;
    for (;;) {
      const Bytes all = containers_[port]->in.Receive();
      if (all.empty()) return frames;
      EXPECT_EQ(Bytes(all.begin(), all.begin() + 10), Bytes(10)) << "it was not to be asked";
      frames.emplace_back(all.begin() + kNetHeader, all.end());
    }
  }
  uint64_t Dropped(uint16_t port, std::string_view node, std::string_view reason) {
    return harness_.Dropped(PortId(port), node, reason);
  }

  static constexpr uint32_t kMtu0 = 1500;
  Notifier notifier_;
  std::vector<std::unique_ptr<Container>> containers_;
  Published<VhostTable> table_;
  weft::testing::GraphHarness harness_;
};

TYPED_TEST_SUITE(VhostOffload, testing::Layouts, testing::LayoutNames);

// The frame as its receiver is to get it: asked for the same, with the pseudo-header's sum.
Bytes Asked(const TransportFrame& frame, uint16_t segment_size, uint16_t num_buffers) {
  VirtioNetHeader header = frame.Ask(segment_size);
  header.num_buffers = num_buffers;
  Bytes bytes = frame.Build();
  PacketSlot slot;
  uint8_t* const at = slot.packet.snapshot() + kNetHeader;
  const size_t known = std::min<size_t>(bytes.size(), Packet::kMaxHeader);
  std::memcpy(at, bytes.data(), known);
  slot.packet.Reset(PortId(0), at, static_cast<uint32_t>(known));
  if (bytes.size() > known) {
    slot.packet.SetPayload(
        {ForeignPtr(bytes.data() + known), static_cast<uint32_t>(bytes.size() - known)});
  }
  EXPECT_EQ(ReadOffload(header, kEveryOffload, slot.packet), OffloadFault::kNone);
  std::memcpy(bytes.data(), at, known);
  Bytes all = WithHeader(bytes, num_buffers);
  std::memcpy(all.data(), &header, sizeof(header));
  return all;
}

TYPED_TEST(VhostOffload, WhoTakesItIsHandedIt) {
  this->Attach(kEveryOffload, {kEveryOffload});
  const TransportFrame checksum = this->To(1, 700);
  const TransportFrame segments = this->To(1, 30000);
  this->Send(checksum.Build(), checksum.Ask());
  this->Send(segments.Build(), segments.Ask(1448));
  EXPECT_EQ(this->harness_.Run(), 2U);
  EXPECT_EQ(this->containers_[1]->in.Receive(), Asked(checksum, 0, 1));
  EXPECT_EQ(this->containers_[1]->in.Receive(), Asked(segments, 1448, 15));
  EXPECT_EQ(this->harness_.DroppedTotal(), 0U);
  EXPECT_EQ(this->harness_.Counted("vhost-output", "offloaded"), 0U);
  EXPECT_EQ(this->harness_.Counted("vhost-output", "copied-bytes"), 754U + 30054);
}

TYPED_TEST(VhostOffload, WhoTakesNothingGetsPlainFrames) {
  this->Attach(kEveryOffload, {kNothing});
  const TransportFrame checksum = this->To(1, 700);
  const TransportFrame segments = this->To(1, 30000);
  this->Send(segments.Build(), segments.Ask(1448));
  this->Send(checksum.Build(), checksum.Ask());
  EXPECT_EQ(this->harness_.Run(), 2U);
  std::vector<Bytes> expected = ReferenceSegments(segments.Build(), 1448);
  ASSERT_EQ(expected.size(), 21U);
  expected.push_back(Completed(checksum.Build()));
  EXPECT_EQ(this->Plain(1), expected);
  EXPECT_EQ(this->harness_.DroppedTotal(), 0U);
  EXPECT_EQ(this->harness_.Counted("vhost-output", "offloaded"), 2U);
  EXPECT_EQ(this->harness_.Counted("vhost-output", "offload-frames"), 22U);
  EXPECT_EQ(this->harness_.counters().port(PortId(0)).rx_packets.value(), 2U);
  EXPECT_EQ(this->harness_.counters().port(PortId(1)).tx_packets.value(), 22U);
}

// Clones share header bytes, among them the virtio-net header: each receiver gets its own.
TYPED_TEST(VhostOffload, EachReceiverGetsWhatItTakes) {
  this->Attach(kEveryOffload, {kNothing, kEveryOffload, kOffloadChecksum,
                               kOffloadChecksum | kOffloadTso6, kEveryOffload, kNothing});
  const TransportFrame segments = this->To(6, 3000);
  const Bytes before(Completed(this->To(6, 40).Build()));
  this->Send(before, {});
  this->Send(segments.Build(), segments.Ask(1000));
  this->Send(before, {});
  EXPECT_EQ(this->harness_.Run(), 3U);
  std::vector<Bytes> plain = ReferenceSegments(segments.Build(), 1000);
  ASSERT_EQ(plain.size(), 3U);
  plain.insert(plain.begin(), before);
  plain.push_back(before);
  for (const uint16_t port : std::vector<uint16_t>{1, 3, 4, 6})
    EXPECT_EQ(this->Plain(port), plain) << port;
  for (const uint16_t port : std::vector<uint16_t>{2, 5}) {
    GuestQueue& in = this->containers_[port]->in;
    EXPECT_EQ(in.Receive(), WithHeader(before));
    EXPECT_EQ(in.Receive(), Asked(segments, 1000, 2));
    EXPECT_EQ(in.Receive(), WithHeader(before));
  }
  EXPECT_EQ(this->harness_.DroppedTotal(), 0U);
}

// GUEST_ECN is its own feature (virtio 1.2 §5.1.3): who does not take it sees CWR cut by us.
TYPED_TEST(VhostOffload, CwrIsCutForWhoDoesNotKnowIt) {
  this->Attach(kEveryOffload, {kOffloadChecksum | kOffloadTso, kEveryOffload});
  TransportFrame frame = this->To(2, 3000);
  frame.tcp_flags = 0x98;
  VirtioNetHeader asked = frame.Ask(1000);
  asked.gso_type |= kGsoEcn;
  this->Send(frame.Build(), asked);
  EXPECT_EQ(this->harness_.Run(), 1U);
  EXPECT_EQ(this->Plain(1), ReferenceSegments(frame.Build(), 1000));
  const Bytes whole = this->containers_[2]->in.Receive();
  ASSERT_EQ(whole.size(), kNetHeader + 3054U);
  EXPECT_EQ(whole[1], kGsoTcp4 | kGsoEcn);
}

TYPED_TEST(VhostOffload, SegmentsFitTheMtuOfEitherSide) {
  this->Attach(kEveryOffload, {kEveryOffload, kNothing}, 200, 1000);
  const TransportFrame fits = this->To(2, 3000);
  this->Send(fits.Build(), fits.Ask(960));         // 1000 with its headers
  this->Send(fits.Build(), fits.Ask(961));         // longer than the receivers' MTU
  this->Send(fits.Build(), fits.Ask(1460));        // the sender's own
  this->Send(fits.Build(), fits.Ask(1461));        // and beyond
  const TransportFrame whole = this->To(2, 1461);  // a checksum alone, and too long
  this->Send(whole.Build(), whole.Ask());
  EXPECT_EQ(this->harness_.Run(), 3U);
  EXPECT_EQ(this->Dropped(0, "vhost-input", "too-long"), 2U);
  EXPECT_EQ(this->Dropped(1, "vhost-output", "too-long"), 2U);
  // The last segment of each is shorter.
  EXPECT_EQ(this->Dropped(2, "vhost-output", "too-long"), 3U + 2);
  EXPECT_EQ(this->containers_[1]->in.Receive(), Asked(fits, 960, 2));
  EXPECT_EQ(this->containers_[1]->in.Receive(), Bytes());
  std::vector<Bytes> expected = ReferenceSegments(fits.Build(), 960);
  expected.push_back(ReferenceSegments(fits.Build(), 961).back());
  expected.push_back(ReferenceSegments(fits.Build(), 1460).back());
  EXPECT_EQ(this->Plain(2), expected);
}

// Sent = received and dropped: what was made more of is counted.
TYPED_TEST(VhostOffload, ARingThatIsFullLosesSegmentsByName) {
  this->Attach(kEveryOffload, {kNothing}, 10);
  const TransportFrame frame = this->To(1, 14000);
  this->Send(frame.Build(), frame.Ask(1000));
  EXPECT_EQ(this->harness_.Run(), 1U);
  const std::vector<Bytes> all = ReferenceSegments(frame.Build(), 1000);
  EXPECT_EQ(this->Plain(1), std::vector<Bytes>(all.begin(), all.begin() + 10));
  EXPECT_EQ(this->Dropped(1, "vhost-output", "ring-full"), 4U);
  EXPECT_EQ(this->harness_.DroppedTotal(), 4U);
  EXPECT_EQ(this->harness_.Counted("vhost-output", "offload-frames"), 14U);
}

TYPED_TEST(VhostOffload, TheLongestFrameComesThroughBothWays) {
  this->Attach(kEveryOffload, {kEveryOffload, kNothing});
  const TransportFrame frame = this->To(2, 65535 - 40);
  this->Send(frame.Build(), frame.Ask(1460));
  EXPECT_EQ(this->harness_.Run(), 1U);
  EXPECT_EQ(this->containers_[1]->in.Receive(), Asked(frame, 1460, 33));
  EXPECT_EQ(this->Plain(2), ReferenceSegments(frame.Build(), 1460));
  EXPECT_EQ(this->harness_.DroppedTotal(), 0U);
}

TYPED_TEST(VhostOffload, ABufferThatIsTooSmallLosesThePacket) {
  this->Attach(kEveryOffload, {kEveryOffload}, 4);
  for (auto& container : this->containers_) {
    container->in.view().mergeable = false;
    container->in.queue().view.Store(this->harness_.rcu(),
                                     std::make_unique<RingView>(container->in.view()));
  }
  const TransportFrame frame = this->To(1, 3000);
  this->Send(frame.Build(), frame.Ask(1000));
  EXPECT_EQ(this->harness_.Run(), 1U);
  EXPECT_EQ(this->Dropped(1, "vhost-output", "buffer-too-small"), 1U);
}

TYPED_TEST(VhostOffload, WhatIsNotSoIsRefusedByName) {
  this->Attach(kOffloadChecksum | kOffloadTso4, {kEveryOffload});
  const TransportFrame frame = this->To(1, 3000);
  TransportFrame six = frame;
  six.ipv6 = true;
  const Bytes good = Completed(this->To(1, 40).Build());
  VirtioNetHeader elsewhere = frame.Ask(1000);
  elsewhere.csum_start = 14;
  Bytes arp = frame.Build();
  arp[13] = 6;
  this->Send(frame.Build(), elsewhere);      // not where TCP is
  this->Send(six.Build(), six.Ask(1000));    // HOST_TSO6 was not negotiated
  this->Send(arp, frame.Ask(1000));          // nothing that could be cut
  this->Send(frame.Build(), frame.Ask(20));  // 150 segments
  this->Send(frame.Build(), {});             // 3054 bytes, and nothing asked for
  Bytes tail(frame.Build());
  tail.resize(kMaxOffloadFrame + 1);
  this->Send(tail, frame.Ask(1000));  // longer than any
  this->Send(good, {});
  EXPECT_EQ(this->harness_.Run(), 1U);
  EXPECT_EQ(this->Dropped(0, "vhost-input", "bad-offload"), 2U);
  EXPECT_EQ(this->Dropped(0, "vhost-input", "offload-unsupported"), 1U);
  EXPECT_EQ(this->Dropped(0, "vhost-input", "too-many-segments"), 1U);
  EXPECT_EQ(this->Dropped(0, "vhost-input", "too-long"), 2U);
  EXPECT_EQ(this->harness_.DroppedTotal(), 6U);
  EXPECT_EQ(this->containers_[1]->in.Receive(), WithHeader(good));
  EXPECT_EQ(this->containers_[0]->out.TakeUsed().size(), 7U) << "all of it comes back";
}

// Who did not negotiate TSO cannot make chains longer than before.
TYPED_TEST(VhostOffload, WithoutTsoAChainIsNoLonger) {
  this->Attach(kOffloadChecksum, {kEveryOffload});
  this->Send(Bytes(9217), {});
  EXPECT_EQ(this->harness_.Run(), 0U);
  EXPECT_EQ(this->Dropped(0, "vhost-input", "too-long"), 1U);
}

TYPED_TEST(VhostOffload, AVectorOfLongFramesIsShort) {
  this->Attach(kEveryOffload, {kEveryOffload}, 600);
  const Bytes frame = Completed(this->To(1, 40).Build());
  for (int i = 0; i < 200; ++i) this->Send(frame, {});
  EXPECT_EQ(this->harness_.graph().PollInputs(), kMaxTsoBurst);
  EXPECT_EQ(this->harness_.Run(), 200 - kMaxTsoBurst);
}

// A sender that rewrites its payload while it is summed and copied has sent one or the other, and
// each segment's checksum is that of what went out.
TYPED_TEST(VhostOffload, ASenderThatRewritesGetsRightChecksumsAllTheSame) {
  this->Attach(kEveryOffload, {kNothing}, 0);
  const TransportFrame frame = this->To(1, 8000);
  Bytes all = WithHeader(frame.Build());
  const VirtioNetHeader asked = frame.Ask(1400);
  std::memcpy(all.data(), &asked, sizeof(asked));
  Guest& guest = this->containers_[0]->guest;
  const uint64_t at = guest.Put(all, 1);
  std::atomic<bool> done{false};
  std::atomic<uint64_t> rewrites{0};
  std::thread writer([&] {
    for (uint8_t value = 0; !done.load(std::memory_order_relaxed); ++value) {
      for (size_t i = kNetHeader + Packet::kMaxHeader; i < all.size(); i += 61) {
        std::atomic_ref<uint8_t>(*guest.At(at + i)).store(value, std::memory_order_relaxed);
      }
      rewrites.fetch_add(1, std::memory_order_relaxed);
    }
  });
  while (rewrites.load(std::memory_order_relaxed) == 0) std::this_thread::yield();
  for (int round = 0; round < 150; ++round) {
    for (int i = 0; i < 6; ++i) this->containers_[1]->in.Post(2048);
    this->containers_[0]->out.OfferChain({{{at, static_cast<uint32_t>(all.size())}}});
    EXPECT_EQ(this->harness_.Run(), 1U);
    this->containers_[0]->out.TakeUsed();
    const std::vector<Bytes> made = this->Plain(1);
    EXPECT_EQ(made.size(), 6U);
    for (const Bytes& segment : made) EXPECT_EQ(WhatIsWrong(segment), "");
  }
  done.store(true, std::memory_order_relaxed);
  writer.join();
}

TYPED_TEST(VhostOffload, ATraceSaysWhatWasLeft) {
  this->Attach(kEveryOffload, {kNothing});
  this->harness_.Trace("vhost-input", 1);
  const TransportFrame frame = this->To(1, 3000);
  this->Send(frame.Build(), frame.Ask(1000));
  EXPECT_EQ(this->harness_.Run(), 1U);
  std::vector<std::string> said;
  size_t steps = 0;
  TraceStep step;
  while (this->harness_.graph().trace_ring().Pop(step)) {
    ++steps;
    const NodeClass& node = this->harness_.catalog().node(step.node);
    if (node.spec.name != "vhost-input") continue;
    for (const TraceField& field : node.trace) said.push_back(field.format(step.record.data()));
  }
  EXPECT_EQ(said, std::vector<std::string>{"tcp checksum, segments of 1000"});
  EXPECT_EQ(steps, 3U) << "vhost-input, to-all, and the first segment's vhost-output";
}

}  // namespace
}  // namespace weft::vhost
