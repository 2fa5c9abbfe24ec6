// SPDX-License-Identifier: Apache-2.0
#include "plugins/af_xdp/xdp_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/plugins/af_xdp/fake_kernel.h"

namespace weft::af_xdp {
namespace {

using testing::FrameTo;
using testing::MacNumber;

testing::Bytes FrameOf(uint32_t seed) { return FrameTo(MacNumber(1)).Seed(seed).Build(); }

TEST(RingTest, IndexesWrapAround) {
  uint32_t producer = UINT32_MAX - 1, consumer = UINT32_MAX - 1, flags = 0;
  std::array<uint64_t, 4> entries{};
  const RingMemory<uint64_t> memory{&producer, &consumer, &flags, entries.data(), 4};
  ProducerRing<uint64_t> in(memory);
  ConsumerRing<uint64_t> out(memory);
  for (uint64_t round = 0; round < 10; ++round) {
    for (uint64_t i = 0; i < 4; ++i) in.Push(round * 4 + i);
    EXPECT_EQ(out.Available(4), 0U) << "nothing is published yet";
    in.Publish();
    EXPECT_EQ(in.Waiting(), 4U);
    EXPECT_EQ(out.Available(3), 3U);
    EXPECT_EQ(out.Available(9), 4U);
    for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(out.Pop(), round * 4 + i);
    EXPECT_EQ(in.Waiting(), 4U) << "nothing is released yet";
    out.Release();
    EXPECT_EQ(in.Waiting(), 0U);
  }
}

TEST(RingTest, SaysWhoSleeps) {
  uint32_t producer = 0, consumer = 0, flags = 0;
  uint64_t entry = 0;
  ProducerRing<uint64_t> ring({&producer, &consumer, &flags, &entry, 1});
  EXPECT_FALSE(ring.NeedsWakeup());
  flags = XDP_RING_NEED_WAKEUP;
  EXPECT_TRUE(ring.NeedsWakeup());
}

TEST(XdpQueueTest, GivesTheKernelEveryReceiveChunkOnce) {
  FakeKernel kernel;
  EXPECT_EQ(kernel.FreeChunks(), kReceiveFrames);
  std::set<uint64_t> chunks;
  for (uint32_t i = 0; i < kReceiveFrames; ++i) {
    ASSERT_TRUE(kernel.Receive(FrameOf(i)));
    ASSERT_EQ(kernel.queue().Received(1), 1U);
    const xdp_desc frame = kernel.queue().Take();
    EXPECT_TRUE(kernel.queue().Holds(frame));
    chunks.insert(frame.addr / kSmallChunk);
  }
  EXPECT_EQ(chunks.size(), kReceiveFrames);
  EXPECT_EQ(*chunks.rbegin(), kReceiveFrames - 1);
  EXPECT_FALSE(kernel.Receive(FrameOf(0))) << "all chunks are lent";
}

TEST(XdpQueueTest, TakesAChunkBackFromAnyAddressInIt) {
  FakeKernel kernel;
  for (uint32_t i = 0; i < 3 * kReceiveFrames; ++i) {
    ASSERT_TRUE(kernel.Receive(FrameOf(i)));
    ASSERT_EQ(kernel.queue().Received(1), 1U);
    const xdp_desc frame = kernel.queue().Take();
    kernel.queue().Release();
    const uint8_t* const begin = kernel.queue().At(frame.addr);
    EXPECT_EQ(testing::Bytes(begin, begin + frame.len), FrameOf(i));
    kernel.queue().GiveBack(frame.addr);
    kernel.queue().PublishFree();
    ASSERT_EQ(kernel.FreeChunks(), kReceiveFrames);
  }
}

TEST(XdpQueueTest, KnowsDescriptorsThatAreOutside) {
  FakeKernel kernel;
  constexpr uint64_t kInside = kKernelHeadroom + kHeadroom;
  constexpr uint64_t kEnd = uint64_t{kReceiveFrames} * kSmallChunk;
  const auto holds = [&](uint64_t address, uint32_t length) {
    return kernel.queue().Holds({.addr = address, .len = length, .options = 0});
  };
  EXPECT_TRUE(holds(kInside, 60));
  EXPECT_TRUE(holds(kInside, LongestFrame(kSmallChunk)));
  EXPECT_FALSE(holds(kInside, LongestFrame(kSmallChunk) + 1)) << "longer than its chunk";
  EXPECT_FALSE(holds(kInside, UINT32_MAX));
  EXPECT_FALSE(holds(kHeadroom - 1, 60)) << "no room before it";
  EXPECT_TRUE(holds(kEnd - kSmallChunk + kInside, 60));
  EXPECT_FALSE(holds(kEnd + kInside, 60)) << "a chunk to send from";
  EXPECT_FALSE(holds(UINT64_MAX - 100, 60));
}

TEST(XdpQueueTest, SendsEveryChunkAndThenWaitsForTheKernel) {
  FakeKernel kernel;
  XdpQueue& queue = kernel.queue();
  std::set<uint64_t> chunks;
  const auto send = [&](uint32_t seed) {
    const testing::Bytes frame = FrameOf(seed);
    const uint64_t chunk = queue.TakeChunk();
    std::copy(frame.begin(), frame.end(), queue.At(chunk));
    queue.Send(chunk, static_cast<uint32_t>(frame.size()));
    chunks.insert(chunk);
  };
  ASSERT_EQ(queue.FreeToSend(UINT32_MAX), kTransmitFrames);
  for (uint32_t i = 0; i < kTransmitFrames; ++i) send(i);
  EXPECT_EQ(queue.FreeToSend(1), 0U);
  EXPECT_EQ(chunks.size(), kTransmitFrames);
  EXPECT_GE(*chunks.begin(), uint64_t{kReceiveFrames} * kSmallChunk) << "never one to receive into";
  EXPECT_TRUE(kernel.Take().empty()) << "nothing is published yet";
  queue.PublishSent();
  EXPECT_EQ(kernel.Take(5).size(), 5U);
  EXPECT_EQ(queue.FreeToSend(9), 0U) << "taken is not sent";
  kernel.Complete();
  EXPECT_EQ(queue.FreeToSend(3), 3U);
  EXPECT_EQ(queue.FreeToSend(9), 5U);
  for (uint32_t i = 0; i < 5; ++i) send(kTransmitFrames + i);
  queue.PublishSent();
  const std::vector<testing::Bytes> taken = kernel.Take();
  ASSERT_EQ(taken.size(), kTransmitFrames);
  for (uint32_t i = 0; i < taken.size(); ++i) EXPECT_EQ(taken[i], FrameOf(i + 5)) << i;
}

TEST(XdpQueueTest, WaitsForAKickOnlyIfTheKernelSleeps) {
  FakeKernel kernel;
  XdpQueue& queue = kernel.queue();
  kernel.SleepUntilWoken(true);
  EXPECT_FALSE(queue.WaitsForKick()) << "there is nothing to send";
  ASSERT_EQ(queue.FreeToSend(1), 1U);
  queue.Send(queue.TakeChunk(), 60);
  EXPECT_FALSE(queue.WaitsForKick()) << "nothing is published yet";
  queue.PublishSent();
  EXPECT_TRUE(queue.WaitsForKick());
  queue.Kick();  // in vain, and it returns
  EXPECT_TRUE(queue.WaitsForKick());
  kernel.SleepUntilWoken(false);
  EXPECT_FALSE(queue.WaitsForKick()) << "the driver sends by itself";
  kernel.SleepUntilWoken(true);
  EXPECT_EQ(kernel.Take().size(), 1U);
  EXPECT_FALSE(queue.WaitsForKick()) << "all is taken";
}

}  // namespace
}  // namespace weft::af_xdp
