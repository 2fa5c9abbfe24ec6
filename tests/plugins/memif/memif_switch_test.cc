// SPDX-License-Identifier: Apache-2.0
// The plugin's ports in a graph that a test walks: real sockets on disk, peers that this test
// plays, and two ports of weft's own that find each other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>
#include <functional>

#include "plugins/memif/memif_input.h"
#include "plugins/memif/memif_output.h"
#include "plugins/memif/memif_port.h"
#include "tests/plugins/memif/peer.h"
#include "tests/support/descriptors.h"
#include "tests/support/graph_harness.h"
#include "tests/support/offload_frames.h"

namespace weft::memif {
namespace {

using testing::Bytes;
using testing::ClientMemory;
using testing::ConnectMessage;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::InitMessage;
using testing::PatternFrame;
using testing::Peer;
using testing::RegionMessage;
using testing::RingMessage;

constexpr WorkerId kWorker(0);

// Joins the ports, and says of each packet that its sender left something to do.
class LeavingSwitch final : public Node<LeavingSwitch> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "leaving-switch", .arc = "port-input", .last = true, .help = "Joins ports 0 and 1."};
  enum class Next : uint8_t { kPortOutput };
  static constexpr auto kNexts = Labels<Next>({{Next::kPortOutput, "port-output", "every packet"}});
  explicit LeavingSwitch(const Offload& left) : left_(left) {}
  void Process(Frame& frame) {
    ForEach(frame, [this](Packet& packet) -> Verdict {
      packet.set_out_port(PortId(static_cast<uint16_t>(packet.in_port().value() ^ 1)));
      packet.set_offload(left_);
      return Next::kPortOutput;
    });
  }

 private:
  const Offload& left_;
};

// Two ports, joined; each is a server unless told otherwise.
class MemifSwitchTest : public ::testing::Test {
 protected:
  MemifSwitchTest() {
    SetLogLevel(LogLevel::kOff);
    char name[] = "/tmp/weft-memif-XXXXXX";
    if (mkdtemp(name) == nullptr) abort();
    directory_ = name;
  }
  ~MemifSwitchTest() override {
    for (auto& port : ports_) port.reset();
    Turn();
    std::filesystem::remove_all(directory_);
  }

  std::string PathOf(size_t port) const { return Cat(directory_, "/ports/", port, "/memif.sock"); }
  void Make(size_t number, Role role = Role::kServer, const std::string& path = "") {
    SessionOptions options;
    options.role = role;
    options.interface = Cat("port-", number);
    options.log2_ring_size = 6;
    EndpointOptions endpoint;
    endpoint.connects = role == Role::kClient;
    endpoint.type = SOCK_SEQPACKET;
    endpoint.path = path.empty() ? PathOf(number) : path;
    endpoint.own_directory = path.empty();
    ports_[number] = std::make_unique<MemifPort>(
        Services{loop_, harness_.rcu(), notifier_}, PortId(static_cast<uint16_t>(number)),
        Cat("port-", number), endpoint, options,
        MemifPort::Callbacks{[this, number] { ++up_[number]; },
                             [this, number] { ++down_[number]; }});
    ports_[number]->to_switch(0)->kicks = kicks_;
    const absl::Status status = ports_[number]->Open();
    ASSERT_TRUE(status.ok()) << status;
  }
  // All ports are there.
  void Wire() {
    std::vector<PortRings> rings;
    std::vector<PortWiring> wirings;
    for (uint16_t i = 0; i < ports_.size(); ++i) {
      rings.push_back({.port = PortId(i), .mtu = 1500, .queues = {}});
      rings.back().queues.push_back({.worker = kWorker,
                                     .to_switch = ports_[i]->to_switch(0),
                                     .to_peer = ports_[i]->to_peer(0)});
      wirings.push_back({.port = PortId(i)});
      wirings.back().output = "memif-output";
    }
    table_.Store(harness_.rcu(), std::make_unique<MemifTable>(std::move(rings)));
    harness_.AddClass(NodeClassOf<MemifInput>(
        [this](WorkerId) { return std::make_unique<MemifInput>(table_, kWorker, kicks_); }));
    harness_.AddClass(NodeClassOf<MemifOutput>(
        [this](WorkerId) { return std::make_unique<MemifOutput>(table_, notifier_, kWorker); }));
    harness_.AddStandIns();
    harness_.Wire(std::move(wirings));
  }
  void Turn() {
    loop_.RunOnce(std::chrono::milliseconds(1));
    harness_.rcu().Poll();
    for (auto& port : ports_) {
      if (port != nullptr) port->Check();
    }
  }
  // Turns until something is true; a minute is a guard against hanging.
  bool Until(const std::function<bool()>& condition) {
    const Time end = loop_.Now() + std::chrono::minutes(1);
    while (!condition()) {
      if (loop_.Now() > end) return false;
      Turn();
    }
    return true;
  }

  // An honest client of a port.
  struct Client {
    ClientMemory memory;
    UniqueFd interrupt_out{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    UniqueFd interrupt_in{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    std::optional<Peer> peer;
  };
  std::unique_ptr<Client> Attach(size_t port) {
    auto client = std::make_unique<Client>();
    client->peer.emplace(Dial(PathOf(port)));
    const auto ask = [&](const Message* message, int fd, MessageType answer) {
      if (message != nullptr && fd >= 0) {
        client->peer->Send(*message, fd);
      } else if (message != nullptr) {
        client->peer->Send(*message);
      }
      MessageType got = MessageType::kNone;
      EXPECT_TRUE(Until([&] { return (got = client->peer->ReadType()) != MessageType::kNone; }));
      EXPECT_EQ(got, answer);
    };
    const ClientMemory& memory = client->memory;
    const std::array messages{InitMessage(), RegionMessage(memory.memory.size()),
                              RingMessage(true, memory.out), RingMessage(false, memory.in),
                              ConnectMessage()};
    ask(nullptr, -1, MessageType::kHello);
    ask(&messages[0], -1, MessageType::kAck);
    ask(&messages[1], memory.memory.fd(), MessageType::kAck);
    ask(&messages[2], client->interrupt_out.get(), MessageType::kAck);
    ask(&messages[3], client->interrupt_in.get(), MessageType::kAck);
    ask(&messages[4], -1, MessageType::kConnected);
    return client;
  }
  static UniqueFd Dial(const std::string& path) {
    absl::StatusOr<UniqueFd> socket = ConnectNonBlocking(path, SOCK_SEQPACKET);
    EXPECT_TRUE(socket.ok()) << socket.status();
    return socket.ok() ? *std::move(socket) : UniqueFd();
  }

  std::string directory_;
  EventLoop loop_;
  Notifier notifier_;
  std::shared_ptr<const KickSet> kicks_ = std::make_shared<const KickSet>();
  Published<MemifTable> table_;
  weft::testing::GraphHarness harness_;
  std::array<std::unique_ptr<MemifPort>, 2> ports_;
  std::array<int, 2> up_{}, down_{};
};

TEST_F(MemifSwitchTest, TwoClientsReachEachOther) {
  Make(0);
  Make(1);
  Wire();
  struct stat socket {};
  ASSERT_EQ(stat(PathOf(0).c_str(), &socket), 0);
  EXPECT_EQ(socket.st_mode & 0777, 0660U);
  const auto a = Attach(0);
  const auto b = Attach(1);
  EXPECT_EQ(up_[0] + up_[1], 2);
  const MemifPort::Info info = ports_[0]->Describe();
  EXPECT_EQ(info.state, State::kUp);
  EXPECT_EQ(info.peer_name, "a test");
  EXPECT_EQ(info.peer_interface, "eth7");
  EXPECT_EQ(info.peer_pid, getpid());
  EXPECT_EQ(info.connections, 1U);
  EXPECT_THAT(info.rings, ElementsAre(1, 1));
  EXPECT_THAT(info.ring_size, ElementsAre(64, 64));

  b->memory.Offer(40);
  a->memory.in.set_flags(kMaskInterrupt);
  std::vector<Bytes> frames;
  for (uint32_t i = 0; i < 50; ++i) {
    frames.push_back(PatternFrame(60 + i * 20, i));
    a->memory.Send(frames.back());
  }
  EXPECT_EQ(harness_.Run(), 50U);
  EXPECT_EQ(a->memory.out.tail(), 50) << "all buffers went back";
  frames.resize(40);
  EXPECT_EQ(b->memory.Take(), frames);
  EXPECT_EQ(harness_.Dropped(PortId(1), "memif-output", "ring-full"), 10U);
  EXPECT_EQ(harness_.counters().port(PortId(0)).rx_packets.value(), 50U);
  EXPECT_EQ(harness_.counters().port(PortId(1)).tx_packets.value(), 40U);
  pollfd wait{.fd = b->interrupt_in.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&wait, 1, 10'000), 1) << "b wanted to be interrupted";
}

// memif has no header to say so in: weft does it.
TEST_F(MemifSwitchTest, ReceivesNothingThatIsLeftToDo) {
  Offload left;
  harness_.Add<LeavingSwitch>(std::cref(left));
  Make(0);
  Make(1);
  Wire();
  const auto b = Attach(1);
  b->memory.Offer(60);
  const weft::testing::TransportFrame made{.payload = 1400};
  const Bytes frame = made.Build();
  left = {.needs = kOffloadChecksum, .transport = static_cast<uint8_t>(made.transport())};
  harness_.Inject(PortId(0), frame);
  harness_.Run();
  EXPECT_THAT(b->memory.Take(), ElementsAre(weft::testing::Completed(frame)));

  left.needs |= kOffloadTso4;
  left.segment_size = 500;
  harness_.Inject(PortId(0), frame);
  harness_.Run();
  EXPECT_THAT(b->memory.Take(), ::testing::ElementsAreArray(
                                    weft::testing::ReferenceSegments(frame, left.segment_size)));
  EXPECT_EQ(harness_.counters().port(PortId(1)).tx_packets.value(), 4U);
  EXPECT_EQ(harness_.DroppedTotal(), 0U);
}

TEST_F(MemifSwitchTest, NobodyThereIsADropThatSaysSo) {
  Make(0);
  Make(1);
  Wire();
  const auto a = Attach(0);
  a->memory.Send(PatternFrame(60));
  EXPECT_EQ(harness_.Run(), 1U);
  EXPECT_EQ(harness_.Dropped(PortId(1), "memif-output", "port-down"), 1U);
  EXPECT_EQ(a->memory.out.tail(), 1);
}

TEST_F(MemifSwitchTest, ABadRingPutsThePortInErrorAndAReconnectClearsIt) {
  Make(0);
  Make(1);
  Wire();
  const auto b = Attach(1);
  b->memory.Offer(8);
  {
    const auto a = Attach(0);
    a->memory.out.set_head(1000);
    EXPECT_EQ(harness_.Run(), 0U);
    ASSERT_TRUE(Until([&] { return ports_[0]->Describe().state == State::kError; }));
    EXPECT_THAT(ports_[0]->Describe().reason, HasSubstr("further ahead"));
    EXPECT_EQ(down_[0], 1);
    EXPECT_EQ(ports_[1]->Describe().state, State::kUp);
  }
  const auto a = Attach(0);
  EXPECT_EQ(ports_[0]->Describe().state, State::kUp);
  EXPECT_EQ(ports_[0]->Describe().reason, "");
  a->memory.Send(PatternFrame(60));
  EXPECT_EQ(harness_.Run(), 1U);
  EXPECT_THAT(b->memory.Take(), ElementsAre(PatternFrame(60)));
}

TEST_F(MemifSwitchTest, AClientComesAndGoesAndLeavesNothing) {
  Make(0);
  Make(1);
  Wire();
  Attach(0).reset();
  ASSERT_TRUE(Until([&] { return down_[0] == 1; }));
  for (int i = 0; i < 20; ++i) Turn();
  const size_t before = weft::testing::OpenDescriptors();
  for (int i = 2; i < 40; ++i) {
    const auto a = Attach(0);
    a->memory.Send(PatternFrame(60));
    EXPECT_EQ(harness_.Run(), 1U);
    a->peer->Close();
    ASSERT_TRUE(Until([&] { return down_[0] == i; }));
    EXPECT_EQ(ports_[0]->Describe().state, State::kWaiting);
  }
  EXPECT_TRUE(Until([&] { return weft::testing::OpenDescriptors() <= before; }));
  EXPECT_EQ(ports_[0]->Describe().connections, 39U);
}

TEST_F(MemifSwitchTest, OnePeerAPort) {
  Make(0);
  Make(1);
  Wire();
  const auto a = Attach(0);
  Peer second(Dial(PathOf(0)));
  ASSERT_TRUE(Until([&] { return second.closed(); }));
  EXPECT_EQ(ports_[0]->Describe().state, State::kUp);
}

TEST_F(MemifSwitchTest, AClientOfWeftsFindsAServerOfWefts) {
  Make(1, Role::kClient, PathOf(0));
  ASSERT_TRUE(Until([&] { return !ports_[1]->Describe().reason.empty(); }));
  EXPECT_THAT(ports_[1]->Describe().reason, HasSubstr("there is no socket"));
  Make(0);
  Wire();
  ASSERT_TRUE(Until([&] { return up_[0] == 1 && up_[1] == 1; }));
  EXPECT_EQ(ports_[0]->Describe().peer_interface, "port-1");
  EXPECT_EQ(ports_[1]->Describe().peer_interface, "port-0");
  // A frame that is sent to port 0 comes in at port 1, and is sent to port 0 again: a loop of one
  // frame, which a step a round goes round.
  harness_.Inject(PortId(1), PatternFrame(500));
  for (int i = 0; i < 10; ++i) harness_.graph().PollInputs();
  const uint64_t sent = harness_.counters().port(PortId(0)).tx_packets.value();
  const uint64_t back = harness_.counters().port(PortId(1)).rx_packets.value();
  EXPECT_GE(sent, 9U);
  EXPECT_LE(sent - back, 1U) << "one may be on its way";
  EXPECT_EQ(harness_.DroppedTotal(), 0U);
}

TEST_F(MemifSwitchTest, AServerThatRestartsIsFoundAgain) {
  Make(0);
  Make(1, Role::kClient, PathOf(0));
  Wire();
  ASSERT_TRUE(Until([&] { return up_[1] == 1; }));
  for (int i = 2; i < 6; ++i) {
    // Its queues are the table's; the port with its socket goes.
    const auto to_switch = ports_[0]->to_switch(0);
    ports_[0].reset();
    ASSERT_TRUE(Until([&] { return down_[1] == i - 1; }));
    EXPECT_EQ(ports_[1]->Describe().state, State::kWaiting);
    Make(0);
    ASSERT_TRUE(Until([&] { return up_[1] == i; }));
  }
  EXPECT_EQ(ports_[1]->Describe().connections, 5U);
}

TEST_F(MemifSwitchTest, AWorkerSleepsUntilItsPeerWritesTheInterrupt) {
  Make(0);
  Make(1);
  Wire();
  const auto a = Attach(0);
  auto& input = harness_.Get<MemifInput>();
  EXPECT_TRUE(input.CanSleep());
  EXPECT_EQ(a->memory.out.flags(), kMaskInterrupt);
  SleepSet sleep;
  input.PrepareSleep(sleep);
  EXPECT_FALSE(sleep.awake());
  EXPECT_EQ(a->memory.out.flags(), 0) << "it asks";
  ASSERT_EQ(sleep.size(), 1U);
  EXPECT_EQ(poll(sleep.data(), 1, 0), 0);
  a->memory.Send(PatternFrame(60));
  ASSERT_EQ(eventfd_write(a->interrupt_out.get(), 1), 0);
  EXPECT_EQ(poll(sleep.data(), 1, 10'000), 1);
  input.Wake();
  EXPECT_EQ(poll(sleep.data(), 1, 0), 0);
  EXPECT_EQ(a->memory.out.flags(), kMaskInterrupt);
  SleepSet again;
  input.PrepareSleep(again);
  EXPECT_TRUE(again.awake()) << "a frame waits";
}

}  // namespace
}  // namespace weft::memif
