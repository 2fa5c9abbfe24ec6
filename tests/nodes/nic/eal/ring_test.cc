// SPDX-License-Identifier: Apache-2.0
// dpdk-input and nic-output between rings: what comes in goes out of the other port, byte by byte.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include <algorithm>

#include "nodes/nic/nic_table.h"
#include "tests/nodes/nic/eal/nic_bench.h"

namespace weft::nic {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using weft::testing::FrameTo;

Bytes FrameOf(size_t size, uint32_t seed) {
  return FrameTo("02:00:00:00:00:02").Size(size).Seed(seed).Build();
}

class RingTest : public ::testing::Test {
 protected:
  void Connect(uint16_t mtu = 1500) {
    bench_.AddPort(0, left_.name(), mtu);
    bench_.AddPort(1, right_.name(), mtu);
  }

  RingNic left_{"left"};
  RingNic right_{"right"};
  NicBench bench_;
};

TEST_F(RingTest, FramesCrossUnchangedAndInOrder) {
  Connect();
  std::vector<Bytes> frames;
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < 300; ++i) {
    frames.push_back(FrameOf(60 + (i * 37) % 1455, i));  // 60 to 1514
    bytes += frames.back().size();
    left_.Receive(bench_.MakeMbuf(frames.back()));
  }
  EXPECT_EQ(bench_.Run(), 300U);
  EXPECT_EQ(right_.TakeSent(), frames);
  EXPECT_THAT(left_.TakeSent(), IsEmpty());
  EXPECT_EQ(bench_.counters(0).rx_packets.value(), 300U);
  EXPECT_EQ(bench_.counters(0).rx_bytes.value(), bytes);
  EXPECT_EQ(bench_.counters(1).tx_packets.value(), 300U);
  EXPECT_EQ(bench_.counters(1).tx_bytes.value(), bytes);
  EXPECT_EQ(bench_.Counted("nic-output", "copied-bytes"), bytes) << "one copy";
  EXPECT_EQ(bench_.Counted("dpdk-input", "snapshot-bytes"), 0U) << "and no other";
}

TEST_F(RingTest, BothDirectionsShareAVector) {
  Connect();
  const Bytes from_left = FrameOf(100, 1);
  const Bytes from_right = FrameOf(200, 2);
  left_.Receive(bench_.MakeMbuf(from_left));
  right_.Receive(bench_.MakeMbuf(from_right));
  EXPECT_EQ(bench_.Poll(), 2U);
  EXPECT_THAT(right_.TakeSent(), ElementsAre(from_left));
  EXPECT_THAT(left_.TakeSent(), ElementsAre(from_right));
}

TEST_F(RingTest, ShortFramesArePaddedWithZeros) {
  Connect();
  // What the device's mbufs held before must not show.
  for (uint32_t i = 0; i < 512; ++i) {
    left_.Receive(bench_.MakeMbuf(Bytes(60, 0xEE)));
    bench_.Run();
    EXPECT_EQ(right_.TakeSent().size(), 1U);
  }
  for (const size_t size : {14, 15, 59, 60, 61}) {
    const Bytes frame = FrameOf(size, 7);
    left_.Receive(bench_.MakeMbuf(frame));
    bench_.Run();
    Bytes padded = frame;
    if (padded.size() < 60) padded.resize(60, 0);
    EXPECT_THAT(right_.TakeSent(), ElementsAre(padded)) << size;
  }
}

TEST_F(RingTest, JumboFramesInPieces) {
  Connect(9202);
  std::vector<Bytes> frames;
  for (const size_t size : {1515, 2048, 2049, 4096, 9000, 9216}) {
    frames.push_back(FrameOf(size, static_cast<uint32_t>(size)));
    left_.Receive(bench_.MakeMbuf(frames.back()));
  }
  EXPECT_EQ(bench_.Run(), frames.size());
  EXPECT_EQ(right_.TakeSent(), frames);
}

TEST_F(RingTest, OddMbufs) {
  Connect();
  std::vector<Bytes> frames;
  const auto receive = [&](size_t piece, uint16_t headroom, size_t size) {
    frames.push_back(FrameOf(size, static_cast<uint32_t>(frames.size())));
    rte_mbuf* const mbuf = bench_.MakeMbuf(frames.back(), piece, headroom);
    left_.Receive(mbuf);
    return mbuf;
  };
  receive(2048, 0, 1000);   // no room for a virtio-net header
  receive(2048, 11, 1000);  // one byte short
  receive(2048, 12, 1000);  // just enough
  receive(1, 128, 14);      // 14 pieces; the header is in all of them
  receive(7, 128, 100);     // 15 pieces
  receive(100, 128, 1500);  // 15 pieces
  receive(13, 128, 60);     // the first piece is one byte short
  receive(14, 128, 60);     // a header alone, then payload
  // Somebody else reads this one too: its room before the frame is not ours to write.
  rte_mbuf* const shared = receive(2048, 128, 500);
  rte_mbuf_refcnt_set(shared, 2);

  EXPECT_EQ(bench_.Run(), frames.size());
  std::vector<Bytes> padded = frames;
  for (Bytes& frame : padded) frame.resize(std::max<size_t>(frame.size(), 60), 0);
  EXPECT_EQ(right_.TakeSent(), padded);
  EXPECT_EQ(bench_.Counted("dpdk-input", "snapshot-bytes"), 3 * Packet::kMaxHeader + 14 + 100 + 60)
      << "exactly the five whose headers could not stay, and the shared one";
  rte_pktmbuf_free(shared);
}

TEST_F(RingTest, BadFramesAreDroppedByReason) {
  Connect(9202);
  const Bytes good = FrameOf(60, 1);
  left_.Receive(bench_.MakeMbuf(FrameOf(14, 1), 5, 128));
  left_.Receive(bench_.MakeMbuf(Bytes(13)));
  left_.Receive(bench_.MakeMbuf(Bytes(0)));
  left_.Receive(bench_.MakeMbuf(Bytes(9217)));
  left_.Receive(bench_.MakeMbuf(Bytes(500), 20));  // 25 pieces
  left_.Receive(bench_.MakeMbuf(good));
  EXPECT_EQ(bench_.Run(), 2U);
  EXPECT_EQ(bench_.Dropped(0, "dpdk-input", "runt"), 2U);
  EXPECT_EQ(bench_.Dropped(0, "dpdk-input", "too-long"), 1U);
  EXPECT_EQ(bench_.Dropped(0, "dpdk-input", "too-many-segments"), 1U);
  EXPECT_EQ(right_.TakeSent().back(), good);
  EXPECT_EQ(bench_.packets().taken(), 0U);
}

TEST_F(RingTest, LongerThanTheMtu) {
  Connect(1500);
  Bytes tagged = FrameTo("02:00:00:00:00:02").Size(1518).Type(0x8100).Build();
  left_.Receive(bench_.MakeMbuf(FrameOf(1514, 1)));
  left_.Receive(bench_.MakeMbuf(FrameOf(1515, 2)));
  left_.Receive(bench_.MakeMbuf(tagged));
  tagged.push_back(0);
  left_.Receive(bench_.MakeMbuf(tagged));
  bench_.Run();
  EXPECT_EQ(right_.TakeSent().size(), 2U);
  EXPECT_EQ(bench_.Dropped(1, "nic-output", "too-long"), 2U);
}

TEST_F(RingTest, FullQueue) {
  RingNic small("small", 128);  // holds 127
  bench_.AddPort(0, left_.name());
  bench_.AddPort(1, small.name());
  std::vector<Bytes> frames;
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < 200; ++i) {
    frames.push_back(FrameOf(60 + i, i));
    left_.Receive(bench_.MakeMbuf(frames.back()));
  }
  EXPECT_EQ(bench_.Run(), 200U);
  frames.resize(127);
  for (const Bytes& frame : frames) bytes += frame.size();
  EXPECT_EQ(small.TakeSent(), frames) << "the first ones, in order";
  EXPECT_EQ(bench_.counters(1).tx_packets.value(), 127U);
  EXPECT_EQ(bench_.counters(1).tx_bytes.value(), bytes);
  EXPECT_EQ(bench_.Dropped(1, "nic-output", "tx-full"), 73U);
}

TEST_F(RingTest, NoBuffer) {
  Connect();
  rte_mempool* const pool = bench_.state().table().Load()->Find(PortId(1))->device->pool();
  std::vector<rte_mbuf*> taken;
  while (rte_mbuf* const mbuf = rte_pktmbuf_alloc(pool)) taken.push_back(mbuf);
  for (int i = 0; i < 3; ++i) {
    rte_pktmbuf_free(taken.back());
    taken.pop_back();
  }
  for (uint32_t i = 0; i < 5; ++i) left_.Receive(bench_.MakeMbuf(FrameOf(60, i)));
  EXPECT_EQ(bench_.Run(), 5U);
  EXPECT_THAT(right_.TakeSent(), ElementsAre(FrameOf(60, 0), FrameOf(60, 1), FrameOf(60, 2)));
  EXPECT_EQ(bench_.Dropped(1, "nic-output", "no-buffer"), 2U);
  rte_pktmbuf_free_bulk(taken.data(), static_cast<unsigned>(taken.size()));
}

TEST_F(RingTest, PortThatIsDown) {
  bench_.AddPort(0, left_.name());
  left_.Receive(bench_.MakeMbuf(FrameOf(60, 1)));
  EXPECT_EQ(bench_.Run(), 1U);
  EXPECT_EQ(bench_.Dropped(1, "nic-output", "port-down"), 1U);
}

TEST_F(RingTest, ManyPortsKeepTheirOrder) {
  RingNic third("third");
  RingNic fourth("fourth");
  Connect();
  bench_.AddPort(2, third.name());
  bench_.AddPort(3, fourth.name());
  std::vector<Bytes> to_right;
  std::vector<Bytes> to_fourth;
  for (uint32_t i = 0; i < 100; ++i) {
    to_right.push_back(FrameOf(64 + i, i));
    left_.Receive(bench_.MakeMbuf(to_right.back()));
    to_fourth.push_back(FrameOf(300 + i, i));
    third.Receive(bench_.MakeMbuf(to_fourth.back()));
  }
  EXPECT_EQ(bench_.Poll(), 200U) << "quiet ports share one vector";
  EXPECT_EQ(right_.TakeSent(), to_right);
  EXPECT_EQ(fourth.TakeSent(), to_fourth);
}

}  // namespace
}  // namespace weft::nic
