// SPDX-License-Identifier: Apache-2.0
// Connections with a peer that keeps to the rules, in both roles, and with weft itself.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <set>

#include "tests/plugins/memif/ring_fixture.h"
#include "tests/plugins/memif/session_fixture.h"
#include "tests/support/descriptors.h"

namespace weft::memif {
namespace {

using testing::Bytes;
using testing::ConnectMessage;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using testing::End;
using ::testing::HasSubstr;
using testing::InitMessage;
using testing::Packets;
using testing::PatternFrame;
using testing::PeerRing;
using testing::RegionMessage;
using testing::RingMessage;
using testing::SharedMemory;
using testing::Writer;

class SessionTest : public testing::SessionFixture {};

TEST_F(SessionTest, AServerSaysWhatItCanDo) {
  Connect(Role::kServer);
  const std::optional<Received> received = peer_->Read();
  ASSERT_TRUE(received && received->message.type == MessageType::kHello);
  const auto hello = received->message.As<Hello>();
  EXPECT_EQ(hello.min_version, 0x200);
  EXPECT_EQ(hello.max_version, 0x200);
  EXPECT_EQ(hello.max_region, 7);
  EXPECT_EQ(hello.max_to_client, End::kPairs - 1);
  EXPECT_EQ(hello.max_to_server, End::kPairs - 1);
  EXPECT_EQ(hello.max_log2_ring_size, 12);
  const Name name = hello.name;
  EXPECT_EQ(TextOf(name), "weft");
  EXPECT_THAT(std::string(end_.session->Lacks()), HasSubstr("which interface"));
}

TEST_F(SessionTest, ServesAClient) {
  Run();
  EXPECT_EQ(end_.runs, 1);
  EXPECT_EQ(end_.session->peer_name(), "a test");
  EXPECT_EQ(end_.session->peer_interface(), "eth7");
  EXPECT_EQ(end_.session->Lacks(), "");
  EXPECT_TRUE(end_.session->Health().ok());
  EXPECT_EQ(end_.to_switch[1]->view.Load(), nullptr) << "it has added one ring";
  const RingView* const in = end_.to_switch[0]->view.Load();
  const RingView* const out = end_.to_peer[0]->view.Load();
  ASSERT_TRUE(in != nullptr && out != nullptr);
  EXPECT_EQ(client_.out.flags(), kMaskInterrupt) << "weft polls";
  EXPECT_EQ(client_.in.flags(), 0) << "the peer's to say";
  EXPECT_TRUE(in->kick != nullptr);
  EXPECT_TRUE(out->call.valid());

  client_.Send(PatternFrame(200));
  client_.Offer(1);
  HeapPacketMemory heap;
  PacketPool pool(heap, 8);
  RingReader reader;
  ReceiveTally tally;
  std::array<Packet*, 1> packet{};
  ASSERT_EQ(reader.Receive(*end_.to_switch[0], *in, 1500, pool, packet.data(), 1, tally), 1U);
  Writer writer;
  writer.results.resize(1);
  writer.writer.Transmit(*end_.to_peer[0], *out, 1500, packet.data(), 1, writer.tally,
                         writer.results.data());
  EXPECT_TRUE(RingWriter::Publish(*end_.to_peer[0], *out));
  EXPECT_THAT(client_.Take(), ElementsAre(PatternFrame(200)));
  // The peer's eventfd, by the notifier's thread.
  notifier_.Notify(out->call);
  pollfd wait{.fd = interrupt_in_.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&wait, 1, 10'000), 1);
}

TEST_F(SessionTest, AFarewellAndAHangUpEndItInOrder) {
  Run();
  Disconnect farewell{};
  farewell.reason = FieldOf<96>("see \x1b you");
  peer_->Send({MessageType::kDisconnect, farewell});
  ExpectEnd("the peer disconnected: see \\x1b you");
  EXPECT_TRUE(absl::IsAborted(*end_.ended));

  Run();
  EXPECT_FALSE(end_.session->PeerGone());
  peer_->Close();
  EXPECT_TRUE(end_.session->PeerGone());
  Turn();
  ASSERT_TRUE(end_.ended.has_value());
  EXPECT_TRUE(absl::IsCancelled(*end_.ended));
  EXPECT_FALSE(end_.AnyRuns());
}

TEST_F(SessionTest, LeavesNothingBehind) {
  Run();
  end_.session.reset();
  Turn();
  const size_t before = weft::testing::OpenDescriptors();
  for (int i = 0; i < 50; ++i) {
    Run();
    end_.session.reset();
    peer_.reset();
    for (int turn = 0; turn < 3; ++turn) Turn();
  }
  for (int i = 0; i < 10'000 && weft::testing::OpenDescriptors() > before; ++i) {
    loop_.RunOnce(std::chrono::milliseconds(1));
  }
  EXPECT_LE(weft::testing::OpenDescriptors(), before);
}

// The test is the server.
class ClientSessionTest : public SessionTest {
 protected:
  // What the client has sent, its type as expected; then the answer.
  Received Expect(MessageType type) {
    Turn();
    std::optional<Received> received = peer_->Read();
    EXPECT_TRUE(received.has_value());
    if (!received) return {};
    EXPECT_EQ(received->message.type, type);
    return *std::move(received);
  }
  void SayHello(uint16_t last_ring, uint8_t log2_size) {
    Hello hello{};
    hello.name = FieldOf<32>("a server");
    hello.max_to_client = last_ring;
    hello.max_to_server = last_ring;
    hello.max_log2_ring_size = log2_size;
    peer_->Send({MessageType::kHello, hello});
  }
  void Acknowledge() { peer_->Send(Message(MessageType::kAck)); }
};

TEST_F(ClientSessionTest, MakesItsMemoryAndTellsOfItPieceByPiece) {
  end_.options.id = 7;
  end_.options.secret = "psst";
  end_.options.interface = "web-1";
  end_.options.log2_ring_size = 8;
  end_.options.buffer_size = 1024;
  Connect(Role::kClient);
  Turn();
  EXPECT_EQ(peer_->ReadType(), MessageType::kNone) << "the server begins";
  SayHello(0, 6);
  const auto init = Expect(MessageType::kInit).message.As<Init>();
  EXPECT_EQ(+init.version, 0x200);
  EXPECT_EQ(+init.id, 7U);
  EXPECT_EQ(+init.mode, 0);
  const auto secret = init.secret;
  EXPECT_EQ(TextOf(secret), "psst");
  Acknowledge();
  Received region = Expect(MessageType::kAddRegion);
  const uint64_t size = region.message.As<AddRegion>().size;
  EXPECT_EQ(region.message.As<AddRegion>().index, 0);
  ASSERT_EQ(region.fds.size(), 1U);
  EXPECT_EQ(fcntl(region.fds[0].get(), F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  EXPECT_NE(ftruncate(region.fds[0].get(), 0), 0);
  const SharedMemory memory(size, std::move(region.fds[0]));
  Acknowledge();
  const auto to_server = Expect(MessageType::kAddRing).message.As<AddRing>();
  Acknowledge();
  const Received last = Expect(MessageType::kAddRing);
  const auto to_client = last.message.As<AddRing>();
  EXPECT_EQ(+to_server.flags, AddRing::kToServer);
  EXPECT_EQ(+to_client.flags, 0);
  EXPECT_EQ(+to_server.log2_size, 6) << "as large as the server takes";
  const PeerRing in(memory, to_server.offset, 64);
  const PeerRing out(memory, to_client.offset, 64);
  EXPECT_EQ(memory.Get<uint32_t>(in.offset()), kCookie);
  EXPECT_EQ(memory.Get<uint32_t>(out.offset()), kCookie);
  Acknowledge();
  const Name name = Expect(MessageType::kConnect).message.As<weft::memif::Connect>().interface;
  EXPECT_EQ(TextOf(name), "web-1");
  EXPECT_EQ(out.head(), 0) << "nothing is offered before the server is ready";
  EXPECT_FALSE(end_.AnyRuns());
  Connected connected{};
  connected.interface = FieldOf<32>("memif0/7");
  peer_->Send({MessageType::kConnected, connected});
  Turn();
  ASSERT_TRUE(end_.session->running());
  EXPECT_EQ(end_.session->peer_name(), "a server");
  EXPECT_EQ(end_.session->peer_interface(), "memif0/7");
  EXPECT_EQ(out.head(), 64) << "all buffers are offered";
  EXPECT_EQ(out.flags(), kMaskInterrupt);
  EXPECT_EQ(in.head(), 0);
  // Buffers of different descriptors do not overlap, and lie behind the rings.
  std::set<uint32_t> offsets;
  for (size_t i = 0; i < 64; ++i) {
    EXPECT_EQ(out.Get(i).length, 1024U);
    offsets.insert(out.Get(i).offset);
    offsets.insert(in.Get(i).offset);
  }
  EXPECT_EQ(offsets.size(), 128U);
  EXPECT_GE(*offsets.begin(), 2 * RingBytes(64));
  EXPECT_EQ(*offsets.rbegin() + 1024, size);
}

TEST_F(ClientSessionTest, AServerThatSaysSomethingElseIsLeft) {
  const auto hello_of = [](uint16_t low, uint16_t high, uint8_t log2_size) {
    Hello hello{};
    hello.min_version = low;
    hello.max_version = high;
    hello.max_log2_ring_size = log2_size;
    return Message(MessageType::kHello, hello);
  };
  Connect(Role::kClient);
  peer_->Send(hello_of(0x201, 0x300, 10));
  ExpectEnd("does not speak version 2.0");
  Connect(Role::kClient);
  peer_->Send(hello_of(0x100, 0x1ff, 10));
  ExpectEnd("does not speak version 2.0");
  Connect(Role::kClient);
  peer_->Send(hello_of(0x200, 0x200, 0));
  ExpectEnd("rings of one descriptor");
  for (const MessageType type :
       {MessageType::kAck, MessageType::kInit, MessageType::kConnect, MessageType::kConnected}) {
    Connect(Role::kClient);
    peer_->Send(Message(type));
    ExpectEnd("has no place here");
  }
  Connect(Role::kClient);
  SayHello(0, 6);
  Expect(MessageType::kInit);
  peer_->Send(Message(MessageType::kConnected));
  ExpectEnd("has no place here");
  Connect(Role::kClient);
  SayHello(0, 6);
  SayHello(0, 6);
  ExpectEnd("has no place here");
}

// Weft is both.
TEST_F(SessionTest, WeftTalksToWeft) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  End server(loop_, rcu_, notifier_, PortId(0));
  End client(loop_, rcu_, notifier_, PortId(1));
  for (End* end : {&server, &client}) {
    end->options.secret = "psst";
    end->options.log2_ring_size = 7;
  }
  client.options.role = Role::kClient;
  server.Start(UniqueFd(ends[0]));
  client.Start(UniqueFd(ends[1]));
  for (int i = 0; i < 100 && (server.runs == 0 || client.runs == 0); ++i) Turn();
  ASSERT_EQ(server.runs, 1) << (server.ended ? server.ended->ToString() : "");
  ASSERT_EQ(client.runs, 1) << (client.ended ? client.ended->ToString() : "");

  // Every ring of both, in both directions, further than positions go.
  HeapPacketMemory heap;
  PacketPool pool(heap, 512);
  RingReader reader;
  Writer writer;
  for (size_t pair = 0; pair < End::kPairs; ++pair) {
    for (const auto& [from, to] : {std::pair{&server, &client}, std::pair{&client, &server}}) {
      Queue& out = *from->to_peer[pair];
      Queue& in = *to->to_switch[pair];
      ASSERT_TRUE(out.Running() != nullptr && in.Running() != nullptr);
      for (uint32_t round = 0; round < 700; ++round) {
        std::vector<Bytes> frames;
        const uint32_t more = round < 20 ? 15 : 1;  // up to the MTU, and then shorter ones
        for (uint32_t i = 0; i < 100; ++i) frames.push_back(PatternFrame(60 + i * more, round + i));
        Packets packets(frames, 30 + round % 80);
        writer.results.resize(frames.size());
        writer.writer.Transmit(out, *out.Running(), 1600, packets.packets.data(), frames.size(),
                               writer.tally, writer.results.data());
        (void)RingWriter::Publish(out, *out.Running());
        std::array<Packet*, kMaxBurst> got{};
        ReceiveTally tally;
        const size_t count =
            reader.Receive(in, *in.Running(), 1600, pool, got.data(), kMaxBurst, tally);
        ASSERT_EQ(count, frames.size());
        for (size_t i = 0; i < count; ++i) ASSERT_EQ(testing::FrameOf(*got[i]), frames[i]);
        RingReader::Finish(in, *in.Running());
        reader.EndDispatch();
        pool.EndDispatch();
      }
    }
  }
  EXPECT_EQ(writer.tally.dropped, 0U);
  EXPECT_TRUE(server.session->Health().ok());
  EXPECT_TRUE(client.session->Health().ok());
  client.session.reset();
  for (int i = 0; i < 100 && !server.ended; ++i) Turn();
  ASSERT_TRUE(server.ended.has_value());
  EXPECT_TRUE(absl::IsCancelled(*server.ended));
}

}  // namespace
}  // namespace weft::memif
