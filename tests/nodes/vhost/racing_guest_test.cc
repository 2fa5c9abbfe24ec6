// SPDX-License-Identifier: Apache-2.0
// A container that rewrites its descriptors and headers while weft reads them. Another process does
// the rewriting, as in life; what was checked must be what is written out.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/nodes/vhost/ring_fixture.h"

namespace weft::vhost {
namespace {

using testing::Bytes;
using testing::Guest;
using testing::GuestRing;
using testing::kMtu;
using testing::PatternFrame;
using testing::Reader;
using testing::Writer;

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

template <typename T>
void Poke(T& field, T value) {
  std::atomic_ref<T>(field).store(value, std::memory_order_relaxed);
}

TEST(RacingGuest, WhatWasCheckedIsWhatIsWritten) {
  constexpr uint32_t kRounds = 3000;
  constexpr size_t kFrames = 16;
  Guest sender(32 << 20);
  Guest receiver(32 << 20);
  GuestRing out(sender, 256, Direction::kToSwitch);
  GuestRing in(receiver, 256, Direction::kToGuest, PortId(1));
  // Frames of one descriptor and of three; each of `buffers` is a header and a frame.
  std::array<uint64_t, kFrames> buffers;
  std::array<uint16_t, kFrames> heads;
  for (size_t i = 0; i < kFrames; ++i) {
    buffers[i] = sender.Put(Bytes(4096));
    const std::vector<std::pair<uint64_t, uint32_t>> pieces =
        i % 2 == 0 ? std::vector<std::pair<uint64_t, uint32_t>>{{buffers[i], 512}}
                   : std::vector<std::pair<uint64_t, uint32_t>>{
                         {buffers[i], 12}, {buffers[i] + 12, 200}, {buffers[i] + 212, 300}};
    heads[i] = out.MakeChain(pieces);
  }
  const uint64_t descriptors = Guest::kBase;  // the table is the first thing in the guest
  Rewriter rewriter([&](uint32_t i) {
    const size_t n = i % kFrames;
    const uint64_t buffer = buffers[n];
    const uint64_t descriptor = descriptors + sizeof(Descriptor) * heads[n];
    // Lengths from good to absurd, flags of all kinds, offload bits, an EtherType that lets a frame
    // be longer: all may change between any two of weft's loads.
    constexpr uint32_t kLengths[] = {512, 1526, 1530, 1531, 25, 9229, 0xffffffff, 130};
    Poke(sender.As<uint32_t>(descriptor + 8), kLengths[i / kFrames % 8]);
    Poke(sender.As<uint16_t>(descriptor + 12),
         static_cast<uint16_t>(i / 7 % 8 == 0 ? i % 8 : n % 2));
    Poke(sender.As<uint8_t>(buffer), static_cast<uint8_t>(i / 3 % 4 == 0));
    Poke(sender.As<uint16_t>(buffer + 24), static_cast<uint16_t>(i % 2 == 0 ? 0x0081 : 0x0008));
  });

  Reader reader;
  Writer writer;
  const size_t mark = receiver.allocated();
  uint32_t rounds = 0;
  // At least until the two processes have met.
  for (; rounds < kRounds || reader.tally.dropped == 0; ++rounds) {
    for (const uint16_t head : heads) out.Offer(head);
    const size_t got = reader.reader.Receive(out.queue(), out.view(), 1500, reader.pool,
                                             reader.out.data(), kFrames, reader.tally);
    for (size_t i = 0; i < got; ++i) in.Post(12 + 1518);
    // What a node would have decided on.
    std::vector<Bytes> decided;
    for (size_t i = 0; i < got; ++i) {
      const Packet& packet = *reader.out[i];
      decided.emplace_back(packet.header(), packet.header() + packet.header_length());
    }
    writer.Transmit(in, reader, got, 1500);
    (void)RingWriter::Publish(in.queue(), in.view());
    const bool interrupt = reader.Finish(out);
    ASSERT_FALSE(interrupt);
    ASSERT_EQ(out.TakeUsed().size(), kFrames);

    size_t delivered = 0;
    for (const UsedElement& element : in.TakeUsed()) {
      ASSERT_LT(delivered, got);
      Bytes all = in.ChainBytes(static_cast<uint16_t>(element.head));
      all.resize(element.length);
      const Bytes& header = decided[delivered++];
      ASSERT_GE(all.size(), kNetHeader + header.size());
      const Bytes none = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0};
      EXPECT_TRUE(std::equal(none.begin(), none.end(), all.begin())) << "no offload got through";
      EXPECT_TRUE(std::equal(header.begin(), header.end(), all.begin() + kNetHeader))
          << "the header is the one that was looked at";
      const auto length = static_cast<uint32_t>(all.size()) - kNetHeader;
      EXPECT_FALSE(ExceedsMtu(header.data(), length, 1500));
    }
    ASSERT_EQ(delivered, got);
    // The guest posts the same memory again: the ring's descriptors go round with it.
    receiver.Rewind(mark);
  }
  EXPECT_EQ(reader.tally.packets + reader.tally.dropped, uint64_t{rounds} * kFrames);
  EXPECT_EQ(writer.tally.packets, reader.tally.packets);
  EXPECT_EQ(writer.tally.dropped, 0u);
  EXPECT_EQ(out.queue().error(), RingError::kNone);
}

TEST(RacingGuest, AnIndexThatJumpsNeverBreaksTheSwitch) {
  Guest guest;
  GuestRing out(guest, 256, Direction::kToSwitch);
  for (uint32_t i = 0; i < 256; ++i) out.Send(PatternFrame(60, i));
  const uint64_t available = Guest::kBase + 256 * sizeof(Descriptor);
  Rewriter rewriter([&](uint32_t i) {
    Poke(guest.As<uint16_t>(available + 2), static_cast<uint16_t>(i * 7919));
    Poke(guest.As<uint16_t>(available + 4 + 2 * (i % 256)), static_cast<uint16_t>(i));
  });
  Reader reader;
  uint64_t taken = 0;
  uint64_t failures = 0;
  for (int round = 0; round < 20000 || failures == 0; ++round) {
    const uint16_t before = out.queue().cursor.next_avail;
    const uint64_t counted = reader.tally.packets + reader.tally.dropped;
    const size_t got = reader.reader.Receive(out.queue(), out.view(), kMtu, reader.pool,
                                             reader.out.data(), kMaxBurst, reader.tally);
    ASSERT_LE(got, kMaxBurst);
    taken += static_cast<uint16_t>(out.queue().cursor.next_avail - before);
    ASSERT_EQ(reader.tally.packets + reader.tally.dropped - counted,
              static_cast<uint16_t>(out.queue().cursor.next_avail - before));
    (void)reader.Finish(out);
    if (out.queue().error() != RingError::kNone) {
      ++failures;
      out.queue().Reset(out.queue().cursor.next_used);
    }
  }
  EXPECT_EQ(reader.tally.packets + reader.tally.dropped, taken);
}

}  // namespace
}  // namespace weft::vhost
