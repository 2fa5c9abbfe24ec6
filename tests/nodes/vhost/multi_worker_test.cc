// SPDX-License-Identifier: Apache-2.0
// Several workers, each with its own graph and thread, between containers with several queue pairs:
// nothing is lost, doubled or reordered within a flow, whether they share receive rings or not.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "nodes/vhost/vhost_input.h"
#include "nodes/vhost/vhost_output.h"
#include "tests/nodes/vhost/ring_fixture.h"
#include "tests/support/graph_harness.h"

namespace weft::vhost {
namespace {

using testing::Bytes;
using testing::Guest;
using testing::GuestRing;
using testing::PatternFrame;

constexpr size_t kWorkers = 4;
constexpr size_t kFlows = 8;  // two senders of four queue pairs
constexpr PortId kReceiver(2);
constexpr uint32_t kFramesEach = 4'000;  // frames of each flow
constexpr uint16_t kRing = 512;
constexpr uint32_t kFrame = 200;  // payload of which is borrowed

struct ToReceiver final : public Node<ToReceiver> {
  static constexpr NodeSpec kSpec{
      .name = "to-receiver", .arc = "port-input", .last = true, .help = "A switch for tests."};
  enum class Next : uint8_t { kPortOutput };
  static constexpr auto kNexts = Labels<Next>({{Next::kPortOutput, "port-output", "every packet"}});
  void Process(Frame& frame) {
    ForEach(frame, [](Packet& packet) -> Verdict {
      packet.set_out_port(kReceiver);
      return Next::kPortOutput;
    });
  }
};

// What a frame says of itself, behind everything that is copied as a header.
struct Label {
  uint32_t flow;
  uint32_t number;
};
constexpr size_t kLabelAt = kNetHeader + kFrame - sizeof(Label);

// A transmit ring with a buffer for each descriptor.
class FlowSource {
 public:
  FlowSource(Guest& guest, uint32_t flow, PortId port)
      : guest_(guest), flow_(flow), ring_(guest, kRing, Direction::kToSwitch, port) {
    Bytes all = Bytes(kNetHeader);
    const Bytes frame = PatternFrame(kFrame, flow);
    all.insert(all.end(), frame.begin(), frame.end());
    for (uint16_t i = 0; i < kRing; ++i) {
      const uint64_t address = guest.Put(all);
      ring_.MakeChain(std::array{std::pair<uint64_t, uint32_t>(address, all.size())});
    }
  }
  bool Send() {
    returned_ += ring_.TakeUsed().size();
    if (sent_ == kFramesEach || sent_ - returned_ == kRing) return false;
    const auto head = static_cast<uint16_t>(sent_ % kRing);
    const Label label{flow_, sent_++};
    std::memcpy(guest_.At(ring_.Read(head).address) + kLabelAt, &label, sizeof(label));
    ring_.Offer(head);
    return true;
  }
  bool all_returned() {
    returned_ += ring_.TakeUsed().size();
    return returned_ == kFramesEach;
  }
  GuestRing& ring() { return ring_; }

 private:
  Guest& guest_;
  const uint32_t flow_;
  GuestRing ring_;
  uint32_t sent_ = 0;
  size_t returned_ = 0;
};

class MultiWorker : public ::testing::TestWithParam<size_t> {
 protected:
  MultiWorker() {
    std::vector<PortRings> ports(3);
    for (uint16_t i = 0; i < ports.size(); ++i)
      ports[i] = {.port = PortId(i), .mtu = 1500, .queues = {}};
    for (uint32_t flow = 0; flow < kFlows; ++flow) {
      const PortId port(static_cast<uint16_t>(flow / kWorkers));
      sources_.push_back(std::make_unique<FlowSource>(senders_, flow, port));
      idle_.push_back(std::make_unique<Queue>(port, Direction::kToGuest));
      ports[port.value()].queues.push_back({.worker = WorkerId(flow % kWorkers),
                                            .to_switch = sources_.back()->ring().shared_queue(),
                                            .to_peer = idle_.back()});
      Run(sources_.back()->ring());
    }
    for (size_t i = 0; i < GetParam(); ++i) {
      sinks_.push_back(
          std::make_unique<GuestRing>(receiver_, kRing, Direction::kToGuest, kReceiver));
      for (uint16_t b = 0; b < kRing; ++b) sinks_.back()->Post(512);
      idle_.push_back(std::make_unique<Queue>(kReceiver, Direction::kToSwitch));
      ports[kReceiver.value()].queues.push_back({.worker = WorkerId(i % kWorkers),
                                                 .to_switch = idle_.back(),
                                                 .to_peer = sinks_.back()->shared_queue()});
      Run(*sinks_.back());
    }
    table_.Store(rcu_, std::make_unique<VhostTable>(std::move(ports)));
    for (uint16_t i = 0; i < kWorkers; ++i) {
      workers_.push_back(std::make_unique<weft::testing::GraphHarness>());
      weft::testing::GraphHarness& worker = *workers_.back();
      worker.Add<VhostInput>(std::cref(table_), std::ref(notifier_), WorkerId(i));
      worker.Add<VhostOutput>(std::cref(table_), std::ref(notifier_), WorkerId(i));
      worker.Add<ToReceiver>();
      worker.AddStandIns();
      std::vector<PortWiring> wiring;
      for (uint16_t port = 0; port < 3; ++port) {
        wiring.push_back({.port = PortId(port), .output = "vhost-output"});
      }
      worker.Wire(std::move(wiring));
    }
  }
  ~MultiWorker() override { Stop(); }

  void Run(GuestRing& ring) {
    ring.queue().view.Store(rcu_, std::make_unique<RingView>(ring.view()));
  }
  void Start() {
    for (const auto& worker : workers_) {
      threads_.emplace_back([this, &graph = worker->graph()] {
        while (!stop_.load()) {
          if (graph.PollInputs() == 0) std::this_thread::yield();
        }
      });
    }
  }
  void Stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  uint64_t Dropped() const {
    uint64_t dropped = 0;
    for (const auto& worker : workers_) {
      dropped += worker->Dropped(kReceiver, "vhost-output", "ring-full");
    }
    return dropped;
  }
  // Takes what has arrived, looks at it, and posts its buffers again.
  void Drain() {
    for (size_t i = 0; i < sinks_.size(); ++i) {
      GuestRing& ring = *sinks_[i];
      for (const UsedElement& element : ring.TakeUsed()) {
        const Bytes bytes = ring.ChainBytes(static_cast<uint16_t>(element.head));
        ring.Offer(static_cast<uint16_t>(element.head));
        ASSERT_EQ(element.length, kNetHeader + kFrame);
        Label label;
        std::memcpy(&label, bytes.data() + kLabelAt, sizeof(label));
        ASSERT_LT(label.flow, kFlows);
        ASSERT_TRUE(std::equal(bytes.begin() + kNetHeader,
                               bytes.begin() + static_cast<ptrdiff_t>(kLabelAt),
                               PatternFrame(kFrame, label.flow).begin()));
        Flow& flow = flows_[label.flow];
        ASSERT_GE(label.number, flow.next) << "doubled or overtaken";
        flow.next = label.number + 1;
        ASSERT_EQ(flow.ring.value_or(i), i) << "a flow keeps its ring";
        flow.ring = i;
        ++flow.received;
        ++received_;
      }
    }
  }
  // Has all frames of all flows sent, with at most `window` on their way.
  void Exchange(uint64_t window) {
    Start();
    uint64_t sent = 0;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    const auto all = [this] {
      return std::all_of(sources_.begin(), sources_.end(),
                         [](const auto& source) { return source->all_returned(); });
    };
    while (received_ + Dropped() != kFlows * kFramesEach || !all()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << received_ << " received";
      for (const auto& source : sources_) {
        if (sent - received_ < window && source->Send()) ++sent;
      }
      Drain();
      if (HasFatalFailure()) return;
    }
    Stop();
    Drain();
    EXPECT_EQ(received_ + Dropped(), kFlows * kFramesEach) << "sent = received + drops";
    uint64_t lost = 0;
    for (const auto& worker : workers_) lost += worker->DroppedTotal();
    EXPECT_EQ(lost, Dropped()) << "and for no other reason";
  }

  struct Flow {
    uint32_t next = 0;
    uint32_t received = 0;
    std::optional<size_t> ring;
  };
  Rcu rcu_;
  Notifier notifier_;
  Published<VhostTable> table_;
  Guest senders_{4 << 20};
  Guest receiver_{8 << 20};
  std::vector<std::unique_ptr<FlowSource>> sources_;
  std::vector<std::unique_ptr<GuestRing>> sinks_;
  std::vector<std::shared_ptr<Queue>> idle_;  // rings that nobody started
  std::vector<std::unique_ptr<weft::testing::GraphHarness>> workers_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stop_{false};
  std::array<Flow, kFlows> flows_;
  uint64_t received_ = 0;
};

TEST_P(MultiWorker, LosesDoublesAndReordersNothing) {
  Exchange(kRing);  // all of them may be in one ring
  EXPECT_EQ(Dropped(), 0u);
  for (const Flow& flow : flows_) {
    EXPECT_EQ(flow.received, kFramesEach);
    EXPECT_EQ(flow.next, kFramesEach);
  }
  // Each worker takes the ring of its number, as far as there are so many.
  for (size_t i = 0; i < kFlows; ++i) EXPECT_EQ(flows_[i].ring, i % kWorkers % GetParam());
}

TEST_P(MultiWorker, AccountsForEveryFrameOfARingThatIsFull) {
  Exchange(kFlows * kFramesEach);
  EXPECT_GE(received_, uint64_t{kRing}) << "as many as there were buffers at the start";
}

INSTANTIATE_TEST_SUITE_P(Rings, MultiWorker, ::testing::Values(1, 2, 3, 4, 8));

}  // namespace
}  // namespace weft::vhost
