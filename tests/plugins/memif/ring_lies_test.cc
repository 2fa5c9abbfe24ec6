// SPDX-License-Identifier: Apache-2.0
// Rings of a peer that lies: indexes, descriptors, memory that goes away, and bytes that change
// while weft reads them. docs/dev/hostile.md has the rules.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

#include "tests/plugins/memif/ring_fixture.h"

namespace weft::memif {
namespace {

using testing::Bytes;
using testing::ClientMemory;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::Packets;
using testing::PatternFrame;
using testing::Reader;
using testing::RunningRing;
using testing::SharedMemory;
using testing::Writer;

TEST(RingLies, AnIndexTooFarAheadStopsTheRing) {
  for (const uint16_t head :
       std::initializer_list<uint16_t>{65, 66, 1000, 0x7fff, 0x8000, 0xffff}) {
    ClientMemory client(64);
    RunningRing in(client.memory, client.out, Direction::kToSwitch);
    RunningRing out(client.memory, client.in, Direction::kToPeer);
    client.out.set_head(head);
    client.in.set_head(head);
    Reader reader;
    EXPECT_THAT(reader.Receive(in), IsEmpty());
    EXPECT_EQ(in.queue.error(), RingError::kIndexTooFarAhead) << head;
    EXPECT_EQ(in.queue.Running(), nullptr);
    Packets packets({PatternFrame(60)});
    Writer writer;
    writer.Transmit(out, packets.packets);
    EXPECT_EQ(out.queue.error(), RingError::kIndexTooFarAhead) << head;
    EXPECT_EQ(writer.dropped(TransmitDrop::kPortDown), 1U);
    EXPECT_FALSE(writer.Publish(out));
    EXPECT_EQ(client.in.tail(), 0) << "nothing was written";
  }
}

TEST(RingLies, AnIndexThatGoesBackStopsTheRing) {
  ClientMemory client;
  RunningRing ring(client.memory, client.out, Direction::kToSwitch);
  Reader reader;
  for (uint32_t i = 0; i < 4; ++i) client.Send(PatternFrame(60, i));
  EXPECT_EQ(reader.Receive(ring).size(), 4U);
  reader.Finish(ring);
  client.out.set_head(3);
  EXPECT_THAT(reader.Receive(ring), IsEmpty());
  EXPECT_EQ(ring.queue.error(), RingError::kIndexTooFarAhead);
}

TEST(RingLies, AServersIndexIsBelievedNoFurther) {
  SharedMemory memory(1 << 16);
  testing::PeerRing peer(memory, 0, 16);
  peer.Initialize();
  RunningRing in(memory, peer, Direction::kToSwitch, 4096, 256);
  peer.set_tail(17);
  Reader reader;
  EXPECT_THAT(reader.Receive(in), IsEmpty());
  EXPECT_EQ(in.queue.error(), RingError::kIndexTooFarAhead);

  peer.Initialize();
  RunningRing out(memory, peer, Direction::kToPeer, 4096, 256);
  peer.set_tail(1);  // it has taken what was never there
  Packets packets({PatternFrame(60)});
  Writer writer;
  writer.Transmit(out, packets.packets);
  EXPECT_EQ(out.queue.error(), RingError::kIndexTooFarAhead);
}

struct Lie {
  const char* what;
  Descriptor descriptor;
  ReceiveDrop drop;
};

TEST(RingLies, ABadFrameIsDroppedAndTheNextOneGoesOn) {
  const uint32_t end = static_cast<uint32_t>(ClientMemory().memory.size());
  const Lie lies[] = {
      {"no such region", {0, 1, 60, 0, 0}, ReceiveDrop::kUnmapped},
      {"the last region", {0, 0xffff, 60, 0, 0}, ReceiveDrop::kUnmapped},
      {"one byte too far", {0, 0, 60, end - 59, 0}, ReceiveDrop::kUnmapped},
      {"behind the end", {0, 0, 60, end, 0}, ReceiveDrop::kUnmapped},
      {"wraps", {0, 0, 60, 0xffffffff, 0}, ReceiveDrop::kUnmapped},
      {"empty", {0, 0, 0, 0, 0}, ReceiveDrop::kRunt},
      {"a byte", {0, 0, 1, 0, 0}, ReceiveDrop::kRunt},
      {"13 bytes", {0, 0, 13, 0, 0}, ReceiveDrop::kRunt},
      {"9217 bytes", {0, 0, 9217, 0, 0}, ReceiveDrop::kTooLong},
      {"4 GiB", {0, 0, 0xffffffff, 0, 0}, ReceiveDrop::kTooLong},
  };
  for (const Lie& lie : lies) {
    ClientMemory client;
    RunningRing ring(client.memory, client.out, Direction::kToSwitch);
    Reader reader;
    client.Send(PatternFrame(60, 1));
    client.out.Put(client.sent++, lie.descriptor);
    client.Send(PatternFrame(70, 2));
    EXPECT_THAT(reader.Receive(ring), ElementsAre(PatternFrame(60, 1), PatternFrame(70, 2)))
        << lie.what;
    EXPECT_EQ(reader.dropped(lie.drop), 1U) << lie.what;
    EXPECT_EQ(reader.tally.dropped, 1U) << lie.what;
    reader.Finish(ring);
    EXPECT_EQ(client.out.tail(), 3) << lie.what << ": its buffer went back";
    EXPECT_EQ(ring.queue.error(), RingError::kNone) << lie.what;
  }
}

TEST(RingLies, FlagsThatNobodyKnowsMeanNothing) {
  ClientMemory client;
  RunningRing ring(client.memory, client.out, Direction::kToSwitch);
  Reader reader;
  client.Send(PatternFrame(60));
  Descriptor descriptor = client.out.Get(0);
  descriptor.flags = 0xfffe;
  descriptor.metadata = 0xffffffff;
  client.out.Put(0, descriptor);
  EXPECT_THAT(reader.Receive(ring), ElementsAre(PatternFrame(60)));
}

TEST(RingLies, ChainsEndAndHaveAtMost64Descriptors) {
  for (const size_t pieces : {63, 64, 65, 200}) {
    ClientMemory client(256);
    RunningRing ring(client.memory, client.out, Direction::kToSwitch);
    Reader reader;
    const Bytes frame = PatternFrame(2 * pieces);
    client.Send(frame, 2);
    client.Send(PatternFrame(60, 7));
    if (pieces <= 64) {
      EXPECT_THAT(reader.Receive(ring), ElementsAre(frame, PatternFrame(60, 7)));
    } else {
      EXPECT_THAT(reader.Receive(ring), ElementsAre(PatternFrame(60, 7)));
      EXPECT_EQ(reader.dropped(ReceiveDrop::kChainTooLong), 1U);
    }
    reader.Finish(ring);
    EXPECT_EQ(client.out.tail(), client.sent);
  }
}

TEST(RingLies, AChainThatIsCutIsDropped) {
  ClientMemory client;
  RunningRing ring(client.memory, client.out, Direction::kToSwitch);
  Reader reader;
  client.Send(PatternFrame(300), 100);
  client.out.set_head(2);
  EXPECT_THAT(reader.Receive(ring), IsEmpty());
  EXPECT_EQ(reader.dropped(ReceiveDrop::kChainCut), 1U);
  reader.Finish(ring);
  EXPECT_EQ(client.out.tail(), 2);
  EXPECT_EQ(ring.queue.error(), RingError::kNone);
}

TEST(RingLies, AFullRingOfNothingButChainIsOneDrop) {
  ClientMemory client(64);
  RunningRing ring(client.memory, client.out, Direction::kToSwitch);
  for (size_t i = 0; i < 64; ++i) client.out.Put(i, {Descriptor::kNext, 0, 0, 0, 0});
  client.out.set_head(64);
  Reader reader;
  EXPECT_THAT(reader.Receive(ring), IsEmpty());
  EXPECT_EQ(reader.dropped(ReceiveDrop::kChainCut), 1U);
  reader.Finish(ring);
  EXPECT_EQ(client.out.tail(), 64);
}

TEST(RingLies, ABufferThatIsNoneTakesTheFrameWithIt) {
  const uint32_t end = static_cast<uint32_t>(ClientMemory().memory.size());
  const Descriptor lies[] = {{0, 1, 2048, 0, 0},
                             {0, 0, 2048, end - 2047, 0},
                             {0, 0, 0xffffffff, 0, 0},
                             {0, 0, 1, 0xffffffff, 0}};
  for (const Descriptor& lie : lies) {
    ClientMemory client;
    RunningRing ring(client.memory, client.in, Direction::kToPeer);
    client.Offer(3);
    client.in.Put(1, lie);
    Packets packets({PatternFrame(60, 1), PatternFrame(60, 2), PatternFrame(60, 3)});
    Writer writer;
    writer.Transmit(ring, packets.packets);
    (void)writer.Publish(ring);
    EXPECT_EQ(writer.dropped(TransmitDrop::kBadBuffer), 1U);
    EXPECT_EQ(writer.tally.packets, 2U);
    ASSERT_EQ(client.in.tail(), 3);
    EXPECT_EQ(client.in.Get(1).length, 0U) << "it went back empty";
    EXPECT_EQ(client.in.Get(2).length, 60U);
  }
}

TEST(RingLies, BuffersWithoutABytesNeverHoldAFrame) {
  ClientMemory client(256);
  RunningRing ring(client.memory, client.in, Direction::kToPeer);
  client.Offer(200, 0);
  Packets packets({PatternFrame(60)});
  Writer writer;
  writer.Transmit(ring, packets.packets);
  EXPECT_EQ(writer.dropped(TransmitDrop::kBufferTooSmall), 1U);
  client.Offer(0);
  (void)writer.Publish(ring);
  EXPECT_EQ(client.in.tail(), 0);
}

// What a client's buffers are is not the server's to say.
TEST(RingLies, AServerCannotMoveAClientsBuffers) {
  SharedMemory memory(1 << 16);
  testing::PeerRing peer(memory, 0, 16);
  peer.Initialize();
  RunningRing in(memory, peer, Direction::kToSwitch, 4096, 256);
  const Bytes frame = PatternFrame(100);
  std::memcpy(memory.at(4096), frame.data(), frame.size());
  peer.Put(0, {.flags = 0, .region = 7, .length = 100, .offset = 0xfffffff0, .metadata = 1});
  peer.Put(1, {.flags = 0, .region = 0, .length = 257, .offset = 0, .metadata = 0});
  peer.set_tail(2);
  Reader reader;
  EXPECT_THAT(reader.Receive(in), ElementsAre(frame));
  EXPECT_EQ(reader.dropped(ReceiveDrop::kUnmapped), 1U) << "longer than the buffer";
  reader.Finish(in);
  EXPECT_EQ(peer.Get(0).region, 0);
  EXPECT_EQ(peer.Get(0).offset, 4096U);
  EXPECT_EQ(peer.Get(1).length, 256U);

  peer.Initialize();
  RunningRing out(memory, peer, Direction::kToPeer, 4096, 256);
  peer.Put(0, {.flags = 1, .region = 9, .length = 1, .offset = 0, .metadata = 0});
  Packets packets({PatternFrame(60, 5)});
  Writer writer;
  writer.Transmit(out, packets.packets);
  (void)writer.Publish(out);
  EXPECT_EQ(Bytes(memory.at(4096), memory.at(4096 + 60)), packets.frames[0]);
  EXPECT_EQ(peer.Get(0).offset, 4096U);
}

TEST(RingLies, MemoryThatGoesAwayIsSurvived) {
  ClientMemory client;
  RunningRing in(client.memory, client.out, Direction::kToSwitch);
  RunningRing out(client.memory, client.in, Direction::kToPeer);
  client.Offer(4);
  client.Send(PatternFrame(60, 1));
  client.Send(PatternFrame(60, 2));
  ASSERT_LT(client.OutBuffer(0) + 60, 4096U);
  ASSERT_GE(client.OutBuffer(1), 4096U);
  ASSERT_EQ(ftruncate(client.memory.fd(), 4096), 0);
  Reader reader;
  const std::vector<Bytes> got = reader.Receive(in);
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0], PatternFrame(60, 1));
  EXPECT_EQ(got[1], Bytes(60)) << "zeroes stand where its memory was";
  EXPECT_EQ(in.queue.error(), RingError::kMemoryFaulted);
  EXPECT_TRUE(in.regions->faulted());
  Packets packets({PatternFrame(60)});
  Writer writer;
  writer.Transmit(out, packets.packets);
  EXPECT_EQ(out.queue.error(), RingError::kMemoryFaulted);
}

// The zero that stands where an index was is not what was wrong first.
TEST(RingLies, AnIndexThatGoesAwayIsMemoryThatDid) {
  ClientMemory client;
  RunningRing in(client.memory, client.out, Direction::kToSwitch);
  RunningRing out(client.memory, client.in, Direction::kToPeer);
  client.Offer(4);
  client.Send(PatternFrame(60, 1));
  Packets packets({PatternFrame(60)});
  Reader reader;
  ASSERT_EQ(reader.Receive(in).size(), 1U);
  reader.Finish(in);
  Writer writer;
  writer.Transmit(out, packets.packets);
  ASSERT_EQ(writer.results[0], kSent);
  (void)writer.Publish(out);

  ASSERT_EQ(ftruncate(client.memory.fd(), 0), 0);
  EXPECT_EQ(reader.Receive(in).size(), 0U);
  EXPECT_EQ(in.queue.error(), RingError::kMemoryFaulted);
  writer.Transmit(out, packets.packets);
  EXPECT_EQ(out.queue.error(), RingError::kMemoryFaulted);
}

// Runs `body` for ever in a process of its own, until destroyed.
template <typename Body>
class Rewriter {
 public:
  explicit Rewriter(Body body) : pid_(fork()) {
    if (pid_ == 0) {
      for (uint32_t i = 0;; ++i) body(i);
    }
  }
  ~Rewriter() {
    kill(pid_, SIGKILL);
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "it had stopped by itself";
  }

 private:
  const pid_t pid_;
};

TEST(RacingPeer, WhatWasCheckedIsWhatIsWritten) {
  constexpr uint32_t kRounds = 3'000;
  constexpr size_t kFrames = 16;
  ClientMemory sender(256);
  ClientMemory receiver(256);
  RunningRing out(sender.memory, sender.out, Direction::kToSwitch);
  RunningRing in(receiver.memory, receiver.in, Direction::kToPeer);
  const Rewriter rewriter([&](uint32_t i) {
    // Lengths from good to absurd, flags, regions and offsets of all kinds, an EtherType that lets
    // a frame be longer: all may change between any two of weft's loads.
    constexpr uint32_t kLengths[] = {512, 1514, 1518, 1519, 13, 9217, 0xffffffff, 130};
    const size_t n = i % 256;
    const size_t at = sender.out.offset() + kRingDescriptors + 16 * n;
    sender.memory.Put<uint32_t>(at + 4, kLengths[i / 256 % 8]);
    sender.memory.Put<uint16_t>(at, static_cast<uint16_t>(i / 7 % 16 == 0));
    sender.memory.Put<uint16_t>(at + 2, static_cast<uint16_t>(i / 3 % 32 == 0));
    sender.memory.Put<uint16_t>(sender.OutBuffer(n) + 12, i % 2 == 0 ? 0x0081 : 0x0008);
  });

  Reader reader;
  Writer writer;
  uint32_t rounds = 0;
  // At least until the two processes have met.
  for (; rounds < kRounds || reader.tally.dropped == 0; ++rounds) {
    for (size_t i = 0; i < kFrames; ++i) {
      const size_t at = sender.sent++;
      sender.memory.Put<uint32_t>(sender.out.offset() + kRingDescriptors + 16 * (at % 256) + 8,
                                  sender.OutBuffer(at));
    }
    sender.out.set_head(sender.sent);
    const size_t got = reader.reader.Receive(out.queue, *out.view, 1500, reader.pool,
                                             reader.out.data(), kFrames, reader.tally);
    receiver.Offer(got);
    // What a node would have decided on.
    std::vector<Bytes> decided;
    for (size_t i = 0; i < got; ++i) {
      const Packet& packet = *reader.out[i];
      ASSERT_FALSE(ExceedsMtu(packet.header(), packet.length(), 1500));
      ASSERT_GE(packet.length(), kMinFrame);
      decided.emplace_back(packet.header(), packet.header() + packet.header_length());
    }
    writer.Transmit(in, {reader.out.begin(), reader.out.begin() + static_cast<ptrdiff_t>(got)},
                    1500);
    (void)writer.Publish(in);
    reader.Finish(out);
    ASSERT_EQ(out.queue.error(), RingError::kNone);
    ASSERT_EQ(sender.out.tail(), sender.sent);

    const std::vector<Bytes> delivered = receiver.Take();
    ASSERT_EQ(delivered.size(), got);
    for (size_t i = 0; i < got; ++i) {
      const Bytes& header = decided[i];
      ASSERT_GE(delivered[i].size(), header.size());
      EXPECT_TRUE(std::equal(header.begin(), header.end(), delivered[i].begin()))
          << "the header is the one that was looked at";
    }
  }
  EXPECT_EQ(writer.tally.packets, reader.tally.packets);
}

}  // namespace
}  // namespace weft::memif
