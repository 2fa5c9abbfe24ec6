// SPDX-License-Identifier: Apache-2.0
// Rings of a peer that keeps to the rules, in both roles and both directions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/plugins/memif/ring_fixture.h"

namespace weft::memif {
namespace {

using testing::Bytes;
using testing::ClientMemory;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using testing::Packets;
using testing::PatternFrame;
using testing::PeerRing;
using testing::Reader;
using testing::RunningRing;
using testing::Writer;

std::vector<Bytes> FramesOfAllSizes() {
  std::vector<Bytes> frames;
  for (const size_t size : {14, 15, 59, 60, 64, 115, 116, 117, 118, 128, 512, 1514, 2048}) {
    frames.push_back(PatternFrame(size, static_cast<uint32_t>(size)));
  }
  return frames;
}

TEST(ServerRing, TakesFramesAndGivesTheirBuffersBack) {
  ClientMemory client;
  RunningRing ring(client.memory, client.out, Direction::kToSwitch);
  Reader reader;
  EXPECT_THAT(reader.Receive(ring), IsEmpty());
  const std::vector<Bytes> frames = FramesOfAllSizes();
  for (const Bytes& frame : frames) client.Send(frame);
  EXPECT_THAT(reader.Receive(ring), ElementsAreArray(frames));
  EXPECT_EQ(client.out.tail(), 0) << "packets borrow them";
  reader.Finish(ring);
  EXPECT_EQ(client.out.tail(), frames.size());
  EXPECT_EQ(reader.tally.packets, frames.size());
  EXPECT_EQ(reader.tally.dropped, 0U);
  EXPECT_EQ(ring.queue.error(), RingError::kNone);
}

TEST(ServerRing, TakesFramesInPiecesOfAnyLength) {
  ClientMemory client(512);
  RunningRing ring(client.memory, client.out, Direction::kToSwitch);
  Reader reader;
  const Bytes frame = PatternFrame(300);
  for (const size_t piece : {5, 7, 8, 14, 50, 60, 115, 116, 117, 150, 299}) {
    client.Send(frame, piece);
    EXPECT_THAT(reader.Receive(ring), ElementsAre(frame)) << piece;
    reader.Finish(ring);
  }
  EXPECT_EQ(client.out.tail(), client.sent);
}

TEST(ServerRing, GoesRoundWithPositionsThatWrap) {
  ClientMemory client(32);
  RunningRing ring(client.memory, client.out, Direction::kToSwitch);
  Reader reader;
  uint32_t seed = 0;
  for (int round = 0; round < 5'000; ++round) {  // 16 bits wrap twice
    std::vector<Bytes> frames;
    for (int i = 0; i < 31; ++i) {
      frames.push_back(PatternFrame(60 + seed % 200, seed));
      client.Send(frames.back());
      ++seed;
    }
    ASSERT_EQ(reader.Receive(ring), frames);
    reader.Finish(ring);
    ASSERT_EQ(client.out.tail(), client.sent);
  }
  EXPECT_EQ(reader.tally.packets, 155'000U);
}

TEST(ServerRing, TakesAtMostSoManyAtATime) {
  ClientMemory client;
  RunningRing ring(client.memory, client.out, Direction::kToSwitch);
  Reader reader;
  for (uint32_t i = 0; i < 40; ++i) client.Send(PatternFrame(60, i));
  EXPECT_EQ(reader.Receive(ring, testing::kMtu, 33).size(), 33U);
  EXPECT_THAT(reader.Receive(ring).back(), PatternFrame(60, 39));
  reader.Finish(ring);
  EXPECT_EQ(client.out.tail(), 40);
}

TEST(ServerRing, WritesFramesIntoTheBuffersThatAreOffered) {
  ClientMemory client;
  RunningRing ring(client.memory, client.in, Direction::kToPeer);
  client.Offer(20);
  Packets packets(FramesOfAllSizes());
  Writer writer;
  writer.Transmit(ring, packets.packets);
  EXPECT_THAT(client.Take(), IsEmpty()) << "not published yet";
  EXPECT_FALSE(writer.Publish(ring)) << "nobody to interrupt";
  EXPECT_THAT(client.Take(), ElementsAreArray(packets.frames));
  EXPECT_EQ(writer.tally.packets, packets.frames.size());
  EXPECT_EQ(writer.tally.bytes, writer.tally.copied_bytes);
}

TEST(ServerRing, SpreadsAFrameOverSmallBuffers) {
  ClientMemory client;
  RunningRing ring(client.memory, client.in, Direction::kToPeer);
  client.Offer(30, 100);
  Packets packets({PatternFrame(1514, 1), PatternFrame(60, 2), PatternFrame(200, 3)});
  Writer writer;
  writer.Transmit(ring, packets.packets);
  (void)writer.Publish(ring);
  EXPECT_THAT(client.Take(), ElementsAreArray(packets.frames));
  EXPECT_EQ(client.in.tail(), 16 + 1 + 2);
}

TEST(ServerRing, DropsWhatFindsNoBuffer) {
  ClientMemory client;
  RunningRing ring(client.memory, client.in, Direction::kToPeer);
  client.Offer(2, 100);
  Packets packets(
      {PatternFrame(60, 1), PatternFrame(150, 2), PatternFrame(60, 3), PatternFrame(60, 4)});
  Writer writer;
  writer.Transmit(ring, packets.packets);
  (void)writer.Publish(ring);
  // The second needs two and there is one; the third fits that.
  EXPECT_THAT(client.Take(), ElementsAre(packets.frames[0], packets.frames[2]));
  EXPECT_EQ(writer.dropped(TransmitDrop::kRingFull), 2U);
  EXPECT_EQ(writer.results[1], static_cast<uint8_t>(TransmitDrop::kRingFull));
  EXPECT_EQ(writer.results[2], kSent);
  EXPECT_EQ(ring.queue.error(), RingError::kNone);
}

TEST(ServerRing, AsksForAnInterruptUnlessTheFlagSaysNo) {
  ClientMemory client;
  RunningRing ring(client.memory, client.in, Direction::kToPeer);
  ring.view->call = CallHandle{0};
  client.Offer(10);
  Packets packets({PatternFrame(60)});
  Writer writer;
  EXPECT_FALSE(writer.Publish(ring)) << "nothing was written";
  writer.Transmit(ring, packets.packets);
  EXPECT_TRUE(writer.Publish(ring));
  EXPECT_FALSE(writer.Publish(ring)) << "once is enough";
  client.in.set_flags(kMaskInterrupt);
  writer.Transmit(ring, packets.packets);
  EXPECT_FALSE(writer.Publish(ring));
}

TEST(ServerRing, HoldsTheMtu) {
  ClientMemory client;
  RunningRing in(client.memory, client.out, Direction::kToSwitch);
  RunningRing out(client.memory, client.in, Direction::kToPeer);
  client.Offer(10);
  client.Send(PatternFrame(1514, 1));
  client.Send(PatternFrame(1515, 2));
  Reader reader;
  EXPECT_THAT(reader.Receive(in, 1500), ElementsAre(PatternFrame(1514, 1)));
  EXPECT_EQ(reader.dropped(ReceiveDrop::kTooLong), 1U);
  Packets packets({PatternFrame(115, 1), PatternFrame(114, 2)});
  Writer writer;
  writer.Transmit(out, packets.packets, 100);
  (void)writer.Publish(out);
  EXPECT_THAT(client.Take(), ElementsAre(packets.frames[1]));
  EXPECT_EQ(writer.dropped(TransmitDrop::kTooLong), 1U);
}

// Weft's memory; the test is the server that writes tails.
class ClientRingTest : public ::testing::Test {
 protected:
  static constexpr uint16_t kSize = 32;
  static constexpr uint32_t kBuffer = 256;
  static constexpr uint32_t kBuffers = 2048;

  ClientRingTest() { ring_.Initialize(); }
  uint8_t* Buffer(size_t position) {
    return memory_.at(kBuffers + (position % kSize) * size_t{kBuffer});
  }

  testing::SharedMemory memory_{kBuffers + kSize * kBuffer};
  PeerRing ring_{memory_, 0, kSize};
};

TEST_F(ClientRingTest, OffersAllItsBuffersAndTakesWhatIsInThem) {
  RunningRing ring(memory_, ring_, Direction::kToSwitch, kBuffers, kBuffer);
  EXPECT_EQ(ring_.head(), kSize);
  Reader reader;
  EXPECT_THAT(reader.Receive(ring), IsEmpty());
  size_t tail = 0;
  for (uint32_t round = 0; round < 5'000; ++round) {
    std::vector<Bytes> frames;
    for (uint32_t i = 0; i < 1 + round % 8; ++i) {
      // One buffer, or two.
      const Bytes frame = PatternFrame(60 + round % 400, round + i);
      for (size_t at = 0; at < frame.size(); at += kBuffer, ++tail) {
        Descriptor descriptor = ring_.Get(tail);
        ASSERT_EQ(descriptor.length, kBuffer) << "offered empty";
        ASSERT_EQ(memory_.at(descriptor.offset), Buffer(tail));
        descriptor.length = static_cast<uint32_t>(std::min<size_t>(kBuffer, frame.size() - at));
        descriptor.flags = at + kBuffer < frame.size() ? Descriptor::kNext : uint16_t{0};
        std::memcpy(Buffer(tail), frame.data() + at, descriptor.length);
        ring_.Put(tail, descriptor);
      }
      frames.push_back(frame);
    }
    ring_.set_tail(tail);
    ASSERT_EQ(reader.Receive(ring), frames) << round;
    ASSERT_EQ(ring_.head(), static_cast<uint16_t>(kSize + ring.queue.cursor.shown));
    reader.Finish(ring);
    ASSERT_EQ(ring_.head(), static_cast<uint16_t>(kSize + tail)) << "all are offered again";
  }
}

TEST_F(ClientRingTest, FillsItsBuffersAndWaitsForTheServer) {
  RunningRing ring(memory_, ring_, Direction::kToPeer, kBuffers, kBuffer);
  EXPECT_EQ(ring_.head(), 0) << "nothing is in them";
  Writer writer;
  std::vector<Bytes> frames;
  for (uint32_t i = 0; i < 40; ++i) frames.push_back(PatternFrame(100, i));
  Packets packets(frames);
  writer.Transmit(ring, packets.packets);
  (void)writer.Publish(ring);
  EXPECT_EQ(ring_.head(), kSize);
  EXPECT_EQ(writer.dropped(TransmitDrop::kRingFull), 40U - kSize);
  for (size_t i = 0; i < kSize; ++i) {
    const Descriptor descriptor = ring_.Get(i);
    EXPECT_EQ(Bytes(Buffer(i), Buffer(i) + descriptor.length), frames[i]);
    EXPECT_EQ(memory_.at(descriptor.offset), Buffer(i));
  }
  ring_.set_tail(5);
  writer.Transmit(ring, packets.packets);
  (void)writer.Publish(ring);
  EXPECT_EQ(ring_.head(), kSize + 5);
  EXPECT_EQ(writer.tally.packets, kSize + 5U);
}

TEST_F(ClientRingTest, SpreadsAFrameOverItsBuffers) {
  RunningRing ring(memory_, ring_, Direction::kToPeer, kBuffers, kBuffer);
  Writer writer;
  Packets packets({PatternFrame(600)});
  writer.Transmit(ring, packets.packets);
  (void)writer.Publish(ring);
  ASSERT_EQ(ring_.head(), 3);
  Bytes all;
  for (size_t i = 0; i < 3; ++i) {
    const Descriptor descriptor = ring_.Get(i);
    EXPECT_EQ(descriptor.flags, i < 2 ? Descriptor::kNext : 0);
    all.insert(all.end(), Buffer(i), Buffer(i) + descriptor.length);
  }
  EXPECT_EQ(all, packets.frames[0]);
}

TEST_F(ClientRingTest, SaysHowFullItIs) {
  RunningRing in(memory_, ring_, Direction::kToSwitch, kBuffers, kBuffer);
  EXPECT_EQ(LevelOf(*in.view), 0);
  ring_.set_tail(3);
  EXPECT_EQ(LevelOf(*in.view), 3) << "frames wait";
  ring_.Initialize();
  RunningRing out(memory_, ring_, Direction::kToPeer, kBuffers, kBuffer);
  EXPECT_EQ(LevelOf(*out.view), kSize) << "buffers are free";
  ClientMemory client;
  RunningRing server_in(client.memory, client.out, Direction::kToSwitch);
  RunningRing server_out(client.memory, client.in, Direction::kToPeer);
  client.Send(PatternFrame(60));
  client.Offer(7);
  EXPECT_EQ(LevelOf(*server_in.view), 1);
  EXPECT_EQ(LevelOf(*server_out.view), 7);
}

}  // namespace
}  // namespace weft::memif
