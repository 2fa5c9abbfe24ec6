// SPDX-License-Identifier: Apache-2.0
// Frames into a container's receive ring: byte for byte, whole or over many buffers, or not at all.
#include "nodes/vhost/receive_ring.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/nodes/vhost/ring_fixture.h"

namespace weft::vhost {
namespace {

using testing::Bytes;
using testing::Guest;
using testing::GuestRing;
using testing::kMtu;
using testing::Layout;
using testing::PatternFrame;
using testing::Reader;
using testing::WithHeader;
using testing::Writer;

// A sender, a receiver, and the worker between them.
template <typename Ring>
struct PairOf {
  explicit PairOf(uint16_t size = 1024, uint16_t first_index = 0)
      : out(sender, 1024, Direction::kToSwitch, PortId(0)),
        in(receiver, size, Direction::kToGuest, PortId(1), first_index) {}

  // Forwards what is sent as one dispatch.
  void Forward(uint32_t mtu = kMtu) {
    const size_t got = reader.Receive(out).size();
    writer.Transmit(in, reader, got, mtu);
    (void)RingWriter::Publish(in.queue(), in.view());
    (void)reader.Finish(out);
    (void)out.TakeUsed();
  }

  Guest sender{16 << 20};
  Guest receiver{16 << 20};
  Ring out;
  Ring in;
  Reader reader;
  Writer writer;
};
using Pair = PairOf<GuestRing>;

template <typename Ring>
class AnyRingWriter : public ::testing::Test {};
TYPED_TEST_SUITE(AnyRingWriter, testing::Layouts, testing::LayoutNames);

const std::vector<size_t> kSizes = {14,  15,  60,  64,   103,  104,  115, 116,
                                    117, 118, 500, 1514, 4000, 9215, 9216};

TYPED_TEST(AnyRingWriter, WritesEverySizeFromEveryShapeByteForByte) {
  for (const std::vector<size_t>& cuts : std::vector<std::vector<size_t>>{
           {}, {12}, {5, 3, 7}, {12, 200, 300, 1}, std::vector<size_t>(60, 21)}) {
    PairOf<TypeParam> pair;
    size_t bytes = 0;
    for (const size_t size : kSizes) {
      pair.out.Send(PatternFrame(size, static_cast<uint32_t>(size)), cuts);
      pair.in.Post(12 + 9216);
      bytes += size;
    }
    pair.Forward();
    for (const size_t size : kSizes) {
      EXPECT_EQ(pair.in.Receive(), WithHeader(PatternFrame(size, static_cast<uint32_t>(size))));
    }
    EXPECT_EQ(pair.writer.tally.packets, kSizes.size());
    EXPECT_EQ(pair.writer.tally.bytes, bytes);
    EXPECT_EQ(pair.writer.tally.copied_bytes, bytes) << "one copy";
  }
}

TYPED_TEST(AnyRingWriter, WritesNotOneByteBeyondTheFrame) {
  for (const bool split : {false, true}) {
    for (const size_t size : kSizes) {
      PairOf<TypeParam> pair;
      pair.out.Send(PatternFrame(size));
      const std::vector<size_t> pieces =
          split ? std::vector<size_t>{5, 20, 100, 9300} : std::vector<size_t>{9300};
      const uint16_t head = pair.in.Post(pieces);
      pair.Forward();
      const Bytes all = pair.in.ChainBytes(head);
      const auto used = pair.in.TakeUsed();
      ASSERT_EQ(used.size(), 1u);
      EXPECT_EQ(used[0].length, 12 + size);
      EXPECT_TRUE(std::all_of(all.begin() + static_cast<ptrdiff_t>(12 + size), all.end(),
                              [](uint8_t b) { return b == GuestRing::kUntouched; }));
    }
  }
}

TYPED_TEST(AnyRingWriter, ScattersOverTheDescriptorsOfAChain) {
  for (const Layout layout : {Layout::kDirect, Layout::kIndirect}) {
    PairOf<TypeParam> pair;
    for (const std::vector<size_t>& pieces :
         std::vector<std::vector<size_t>>{{12, 9216},
                                          {1, 1, 10, 9216},
                                          {11, 9216},
                                          {13, 9216},
                                          {64, 64, 9216},
                                          std::vector<size_t>(64, 200)}) {
      const Bytes frame = PatternFrame(9000, static_cast<uint32_t>(pieces.size()));
      pair.out.Send(frame, {{12, 1000, 3000}});
      pair.in.Post(pieces, layout);
      pair.Forward();
      EXPECT_EQ(pair.in.Receive(), WithHeader(frame));
    }
    EXPECT_EQ(pair.writer.tally.dropped, 0u);
  }
}

TYPED_TEST(AnyRingWriter, MergesTinyBuffers) {
  PairOf<TypeParam> pair(1024);
  for (int i = 0; i < 1000; ++i) pair.in.Post(64);
  const std::vector<size_t> sizes = {14, 52, 53, 116, 117, 1500, 9216};
  for (const size_t size : sizes) pair.out.Send(PatternFrame(size), {{12}});
  pair.Forward();
  for (const size_t size : sizes) {
    const auto buffers = static_cast<uint16_t>((12 + size + 63) / 64);
    EXPECT_EQ(pair.in.Receive(), WithHeader(PatternFrame(size), buffers)) << size;
  }
  EXPECT_EQ(pair.writer.tally.packets, sizes.size());
}

TYPED_TEST(AnyRingWriter, GivesUpOnBuffersThatAreAbsurdlySmall) {
  PairOf<TypeParam> pair(1024);
  for (int i = 0; i < 1000; ++i) pair.in.Post(13);
  pair.out.Send(PatternFrame(9216));
  pair.out.Send(PatternFrame(60));
  pair.Forward();
  EXPECT_EQ(pair.writer.dropped(TransmitDrop::kBufferTooSmall), 1u);
  EXPECT_EQ(pair.in.Receive(), WithHeader(PatternFrame(60), 6));
}

// Descriptors of no bytes are legal, and each of them is work: what one frame may cost is bounded.
TYPED_TEST(AnyRingWriter, GivesUpOnBuffersThatAreMostlyNothing) {
  PairOf<TypeParam> pair(1024);
  pair.out.Send(PatternFrame(1514));
  std::vector<size_t> mostly_nothing(64, 0);
  mostly_nothing.back() = 12;
  for (int i = 0; i < 130; ++i) pair.in.Post(mostly_nothing, Layout::kIndirect);
  pair.Forward();
  EXPECT_EQ(pair.writer.dropped(TransmitDrop::kBufferTooSmall), 1u);
  EXPECT_TRUE(pair.in.TakeUsed().empty());
  // Four of them are not too many.
  pair.out.Send(PatternFrame(36));
  pair.Forward();
  EXPECT_EQ(pair.in.Receive(), WithHeader(PatternFrame(36), 4));
}

TYPED_TEST(AnyRingWriter, RollsBackWhenTheRingIsShort) {
  PairOf<TypeParam> pair;
  for (int i = 0; i < 5; ++i) pair.in.Post(1000);
  pair.out.Send(PatternFrame(2000, 1));  // takes three
  pair.out.Send(PatternFrame(3000, 2));  // would take four: dropped
  pair.out.Send(PatternFrame(900, 3));   // fits what is left
  pair.out.Send(PatternFrame(1100, 4));
  pair.out.Send(PatternFrame(60, 5));
  pair.out.Send(PatternFrame(60, 6));
  pair.Forward();
  EXPECT_EQ(pair.in.Receive(), WithHeader(PatternFrame(2000, 1), 3));
  EXPECT_EQ(pair.in.Receive(), WithHeader(PatternFrame(900, 3)));
  EXPECT_EQ(pair.in.Receive(), WithHeader(PatternFrame(60, 5)));
  EXPECT_EQ(pair.in.Receive(), Bytes());
  EXPECT_EQ(pair.writer.dropped(TransmitDrop::kRingFull), 3u);
  EXPECT_EQ(pair.writer.results, (std::vector<TransmitResult>{kSent, 0, kSent, 0, kSent, 0}));
  // The same ring goes on where it was.
  for (int i = 0; i < 4; ++i) pair.in.Post(1000);
  pair.out.Send(PatternFrame(3000, 7));
  pair.Forward();
  EXPECT_EQ(pair.in.Receive(), WithHeader(PatternFrame(3000, 7), 4));
}

TYPED_TEST(AnyRingWriter, SeesBuffersThatAreAddedInTheMiddleOfABurst) {
  // What was seen before is enough for one buffer a frame, but not for three: the index is loaded
  // again.
  PairOf<TypeParam> pair;
  for (int i = 0; i < 2; ++i) pair.in.Post(1000);
  pair.out.Send(PatternFrame(60));
  pair.Forward();
  for (int i = 0; i < 3; ++i) pair.in.Post(1000);
  pair.out.Send(PatternFrame(3500));
  pair.Forward();
  EXPECT_EQ(pair.in.Receive(), WithHeader(PatternFrame(60)));
  EXPECT_EQ(pair.in.Receive(), WithHeader(PatternFrame(3500), 4));
  EXPECT_EQ(pair.writer.tally.dropped, 0u);
}

TYPED_TEST(AnyRingWriter, WithoutMergeableBuffersKeepsAChainThatIsTooShort) {
  PairOf<TypeParam> pair;
  pair.in.view().mergeable = false;
  for (int i = 0; i < 2; ++i) pair.in.Post(1526);
  pair.out.Send(PatternFrame(1515));
  pair.out.Send(PatternFrame(1514, 1));
  pair.out.Send(PatternFrame(60, 2));
  pair.Forward();
  EXPECT_EQ(pair.writer.dropped(TransmitDrop::kBufferTooSmall), 1u);
  EXPECT_EQ(pair.in.Receive(), WithHeader(PatternFrame(1514, 1)));
  EXPECT_EQ(pair.in.Receive(), WithHeader(PatternFrame(60, 2)));
}

TYPED_TEST(AnyRingWriter, DropsWhatIsLongerThanThePortsMtu) {
  PairOf<TypeParam> pair;
  for (int i = 0; i < 2; ++i) pair.in.Post(2000);
  pair.out.Send(PatternFrame(1515));
  pair.out.Send(PatternFrame(1514));
  pair.Forward(1500);
  EXPECT_EQ(pair.writer.dropped(TransmitDrop::kTooLong), 1u);
  EXPECT_EQ(pair.in.Receive(), WithHeader(PatternFrame(1514)));
}

TEST(RingWriter, ReturnsABadBufferEmptyAndGoesOn) {
  using D = Descriptor;
  const D bad[] = {
      {Guest::kBase, 2000, 0, 0},                       // not writable
      {0, 2000, D::kWrite, 0},                          // unmapped
      {Guest::kBase, 0xffffffff, D::kWrite, 0},         // reaches outside
      {Guest::kBase, 11, D::kWrite, 0},                 // shorter than a header
      {Guest::kBase, 0, D::kWrite, 0},                  // empty
      {Guest::kBase, 100, D::kWrite | D::kNext, 1024},  // next outside
      {Guest::kBase, 100, D::kWrite | D::kNext, 1},     // loop
      {Guest::kBase, 17, D::kIndirect, 0},              // no table
  };
  for (const D& descriptor : bad) {
    Pair pair;
    ASSERT_EQ(pair.in.NextDescriptor(), 0);
    ASSERT_EQ(pair.in.NextDescriptor(), 1);
    pair.in.Write(1, descriptor);
    pair.in.Post(2000);
    pair.in.Offer(1);
    pair.in.Post(2000);
    for (uint32_t i = 0; i < 3; ++i) pair.out.Send(PatternFrame(100, i));
    pair.Forward();
    EXPECT_EQ(pair.writer.dropped(TransmitDrop::kBadBuffer), 1u);
    EXPECT_EQ(pair.writer.tally.packets, 2u);
    const auto used = pair.in.TakeUsed();
    ASSERT_EQ(used.size(), 3u);
    EXPECT_EQ(used[1].head, 1u);
    EXPECT_EQ(used[1].length, 0u);
    EXPECT_EQ(used[2].length, 112u);
    EXPECT_EQ(pair.in.queue().error(), RingError::kNone);
  }
}

TEST(RingWriter, ABadBufferInTheMiddleOfAFrameTakesItsPredecessorsWithIt) {
  Pair pair;
  pair.in.Post(100);
  const uint16_t bad = pair.in.NextDescriptor();
  pair.in.Write(bad, {0, 100, Descriptor::kWrite, 0});
  pair.in.Offer(bad);
  pair.in.Post(2000);
  pair.out.Send(PatternFrame(150, 1));
  pair.out.Send(PatternFrame(150, 2));
  pair.Forward();
  const auto used = pair.in.TakeUsed();
  ASSERT_EQ(used.size(), 3u);
  EXPECT_EQ(used[0].length, 0u);
  EXPECT_EQ(used[1].length, 0u);
  EXPECT_EQ(used[2].length, 162u);
  EXPECT_EQ(pair.writer.dropped(TransmitDrop::kBadBuffer), 1u);
}

TEST(RingWriter, DropsForPortDownOnceTheRingIsBad) {
  Pair pair;
  pair.in.Post(2000);
  pair.in.Offer(2048);
  pair.in.Post(2000);
  for (uint32_t i = 0; i < 3; ++i) pair.out.Send(PatternFrame(100, i));
  pair.Forward();
  EXPECT_EQ(pair.in.queue().error(), RingError::kHeadOutOfRange);
  EXPECT_EQ(pair.writer.tally.packets, 1u);
  EXPECT_EQ(pair.writer.dropped(TransmitDrop::kPortDown), 2u);

  Pair far(256);
  far.in.SetAvailIndex(257);
  far.out.Send(PatternFrame(100));
  far.Forward();
  EXPECT_EQ(far.in.queue().error(), RingError::kAvailTooFarAhead);
  EXPECT_EQ(far.writer.dropped(TransmitDrop::kPortDown), 1u);
}

TYPED_TEST(AnyRingWriter, SurvivesTheIndexWrapOnEveryRingSize) {
  for (uint32_t size = 1; size <= kMaxRingSize; size *= 2) {
    PairOf<TypeParam> pair(static_cast<uint16_t>(size), 65500);
    const size_t sent_mark = pair.sender.allocated();
    const size_t mark = pair.receiver.allocated();
    uint32_t seed = 0;
    size_t received = 0;
    for (int round = 0; round < 40; ++round) {
      for (uint32_t i = 0; i < std::min<uint32_t>(size, 60); ++i) pair.in.Post(150);
      const uint32_t first = seed;
      for (int i = 0; i < 70; ++i) pair.out.Send(PatternFrame(64, seed++));
      pair.Forward();
      for (uint32_t i = 0; i < std::min<uint32_t>(size, 60); ++i) {
        EXPECT_EQ(pair.in.Receive(), WithHeader(PatternFrame(64, first + i)));
        ++received;
      }
      pair.sender.Rewind(sent_mark);
      pair.receiver.Rewind(mark);
    }
    EXPECT_EQ(pair.writer.tally.packets, received);
    EXPECT_EQ(pair.writer.tally.packets + pair.writer.dropped(TransmitDrop::kRingFull), seed);
  }
}

TEST(RingWriter, HonoursTheNotificationFlags) {
  Pair pair;
  pair.in.view().call = CallHandle{0};
  EXPECT_TRUE(RingWriter::Publish(pair.in.queue(), pair.in.view()));
  EXPECT_EQ(pair.in.used_flags(), kUsedNoNotify);
  pair.in.SetAvailFlags(kAvailNoInterrupt);
  EXPECT_FALSE(RingWriter::Publish(pair.in.queue(), pair.in.view()));
}

TYPED_TEST(AnyRingWriter, ClonesShareAHeaderAndEachGetsItsOwnNumberOfBuffers) {
  PairOf<TypeParam> pair;
  pair.out.Send(PatternFrame(1000));
  ASSERT_EQ(pair.reader.Receive(pair.out).size(), 1u);
  for (size_t i = 1; i < 4; ++i) {
    pair.reader.out[i] = pair.reader.pool.Take();
    pair.reader.out[i]->CloneFrom(*pair.reader.out[0]);
  }
  pair.in.Post(2000);
  for (int i = 0; i < 3; ++i) pair.in.Post(400);
  pair.in.Post(2000);
  pair.in.Post(2000);
  pair.writer.Transmit(pair.in, pair.reader, 4);
  (void)RingWriter::Publish(pair.in.queue(), pair.in.view());
  EXPECT_EQ(pair.in.Receive(), WithHeader(PatternFrame(1000), 1));
  EXPECT_EQ(pair.in.Receive(), WithHeader(PatternFrame(1000), 3));
  EXPECT_EQ(pair.in.Receive(), WithHeader(PatternFrame(1000), 1));
  EXPECT_EQ(pair.in.Receive(), WithHeader(PatternFrame(1000), 1));
}

TYPED_TEST(AnyRingWriter, SeveralWorkersWriteOneRing) {
  Guest receiver(64 << 20);
  TypeParam in(receiver, 4096, Direction::kToGuest, PortId(9));
  constexpr uint32_t kEach = 2000;
  for (uint32_t i = 0; i < 2 * kEach; ++i) in.Post(150);
  const auto work = [&](uint32_t worker) {
    Guest sender;
    TypeParam out(sender, 64, Direction::kToSwitch);
    const size_t mark = sender.allocated();
    Reader reader;
    Writer writer;
    for (uint32_t i = 0; i < kEach; i += 50) {
      for (uint32_t j = 0; j < 50; ++j) {
        Bytes frame(100);
        std::memcpy(frame.data() + 14, &worker, 4);
        const uint32_t number = i + j;
        std::memcpy(frame.data() + 18, &number, 4);
        out.Send(frame);
      }
      const size_t got = reader.Receive(out).size();
      writer.Transmit(in, reader, got);
      (void)RingWriter::Publish(in.queue(), in.view());
      (void)reader.Finish(out);
      EXPECT_EQ(out.TakeUsed().size(), 50u);
      sender.Rewind(mark);
    }
    EXPECT_EQ(writer.tally.packets, kEach);
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  uint32_t next[2] = {0, 0};
  for (uint32_t i = 0; i < 2 * kEach; ++i) {
    const Bytes frame = in.Receive();
    ASSERT_EQ(frame.size(), 112u);
    uint32_t worker;
    uint32_t number;
    std::memcpy(&worker, frame.data() + 26, 4);
    std::memcpy(&number, frame.data() + 30, 4);
    ASSERT_LT(worker, 2u);
    EXPECT_EQ(number, next[worker]++) << "each worker's order is kept";
  }
}

}  // namespace
}  // namespace weft::vhost
