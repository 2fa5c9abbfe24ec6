// SPDX-License-Identifier: Apache-2.0
// The whole switch with containers on it, as startup.conf makes it: a frame is copied once for each
// container that gets it, whatever its length. Counted, not measured: the snapshot takes at most
// 116 bytes of a frame, and what is stored into receivers is each frame once for each of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "nodes/builtin.h"
#include "tests/support/container.h"
#include "tests/support/switch_harness.h"

namespace weft::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using vhost::testing::Container;

class OneCopy : public ::testing::Test {
 protected:
  // Ports port-0, port-1, ... in one bridge, each with a container.
  void Start(uint16_t ports) {
    ASSERT_EQ(harness_.AddModules(BuiltinModules()), "");
    std::string text;
    for (uint16_t i = 0; i < ports; ++i) {
      Append(text, "[[port]]\nname = \"port-", i, "\"\nmtu = 9202\nvhost = {}\n");
    }
    ASSERT_EQ(harness_.Start(text), "");
    for (uint16_t i = 0; i < ports; ++i) {
      containers_.push_back(std::make_unique<Container>([this] { harness_.Turn(); }));
      containers_[i]->Attach(Cat(harness_.directory(), "/ports/port-", i, "/vhost.sock"));
      ASSERT_TRUE(harness_.Until([&] { return harness_->ports().ports()[i]->up; }));
    }
  }
  Container& container(size_t i) { return *containers_[i]; }
  // Waits for frames of a container.
  std::vector<Bytes> Receive(size_t i, size_t count) {
    std::vector<Bytes> frames;
    EXPECT_TRUE(harness_.Until([&] {
      for (Bytes& frame : container(i).Receive()) frames.push_back(std::move(frame));
      return frames.size() >= count;
    }));
    return frames;
  }
  static Bytes FrameOf(uint16_t from, uint16_t to, size_t size, uint32_t seed) {
    return FrameTo(MacNumber(to)).From(MacNumber(from)).Size(size).Seed(seed).Build();
  }
  // Both ends have been heard, so that what they say to each other goes straight.
  void Introduce() {
    container(0).Send(FrameOf(0x10, 0x11, 60, 1));
    ASSERT_THAT(Receive(1, 1), ElementsAre(FrameOf(0x10, 0x11, 60, 1)));
    container(1).Send(FrameOf(0x11, 0x10, 60, 2));
    ASSERT_THAT(Receive(0, 1), ElementsAre(FrameOf(0x11, 0x10, 60, 2)));
  }
  uint64_t snapshot_bytes() const { return harness_.Counted("vhost-input", "snapshot-bytes"); }
  uint64_t copied_bytes() const { return harness_.Counted("vhost-output", "copied-bytes"); }
  uint64_t drops() const {
    uint64_t drops = 0;
    for (const auto& port : harness_->ports().ports())
      drops += harness_->stats().Port(port->id).drops;
    return drops;
  }

  mutable SwitchHarness harness_;
  std::vector<std::unique_ptr<Container>> containers_;
};

constexpr size_t kSizes[] = {60, 64, 115, 116, 117, 118, 128, 512, 1514, 4096, 9000, 9216};

TEST_F(OneCopy, OfAFrameOfAnyLength) {
  Start(2);
  Introduce();
  for (const size_t size : kSizes) {
    SCOPED_TRACE(size);
    const uint64_t snapshot = snapshot_bytes();
    const uint64_t copied = copied_bytes();
    const Bytes there = FrameOf(0x10, 0x11, size, 3);
    const Bytes back = FrameOf(0x11, 0x10, size, 4);
    container(0).Send(there);
    EXPECT_THAT(Receive(1, 1), ElementsAre(there));
    container(1).Send(back);
    EXPECT_THAT(Receive(0, 1), ElementsAre(back));
    EXPECT_EQ(snapshot_bytes() - snapshot, 2 * std::min<size_t>(size, Packet::kMaxHeader));
    EXPECT_EQ(copied_bytes() - copied, 2 * size);
  }
  EXPECT_EQ(harness_.Counted("flood", "clones"), 0U);
  EXPECT_EQ(drops(), 0U);
}

TEST_F(OneCopy, ForEachReceiverOfAFlood) {
  constexpr uint16_t kReceivers = 5;
  Start(kReceivers + 1);
  uint64_t snapshot = 0;
  uint64_t copied = 0;
  uint64_t frames = 0;
  for (const size_t size : kSizes) {
    SCOPED_TRACE(size);
    const Bytes frame =
        FrameTo("ff:ff:ff:ff:ff:ff").From(MacNumber(0x10)).Size(size).Seed(7).Build();
    container(0).Send(frame);
    for (uint16_t i = 1; i <= kReceivers; ++i) EXPECT_THAT(Receive(i, 1), ElementsAre(frame));
    ++frames;
    snapshot += std::min<size_t>(size, Packet::kMaxHeader);
    copied += kReceivers * size;
    EXPECT_EQ(snapshot_bytes(), snapshot) << "read once, whoever gets it";
    EXPECT_EQ(copied_bytes(), copied) << "stored once for each who gets it, and nowhere else";
  }
  EXPECT_EQ(harness_.Counted("flood", "clones"), frames * (kReceivers - 1));
  EXPECT_THAT(container(0).Receive(), IsEmpty());
  EXPECT_EQ(drops(), 0U);
}

TEST_F(OneCopy, InABurstOfKnownAndUnknownDestinations) {
  Start(3);
  Introduce();
  EXPECT_THAT(Receive(2, 1), SizeIs(1)) << "the first frame's destination was not known yet";
  const uint64_t copied = copied_bytes();
  std::vector<Bytes> to_first;
  std::vector<Bytes> to_both;
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < 240; ++i) {
    const size_t size = 60 + i * 37;
    const bool known = i % 3 != 0;
    const Bytes frame = FrameOf(0x10, known ? 0x11 : 0x40, size, i);
    to_first.push_back(frame);
    if (!known) to_both.push_back(frame);
    bytes += known ? size : 2 * size;
    container(0).Send(frame);
  }
  std::vector<Bytes> first = Receive(1, to_first.size());
  std::vector<Bytes> second = Receive(2, to_both.size());
  // Known and unknown destinations are different flows, each with its order.
  const auto is_known = [](const Bytes& frame) { return frame[5] == 0x11; };
  std::stable_partition(first.begin(), first.end(), is_known);
  std::stable_partition(to_first.begin(), to_first.end(), is_known);
  EXPECT_TRUE(first == to_first);
  EXPECT_TRUE(second == to_both);
  EXPECT_EQ(copied_bytes() - copied, bytes);
  EXPECT_TRUE(harness_.Until([&] { return container(0).returned() == 241; }))
      << "every buffer comes back";
  EXPECT_EQ(drops(), 0U);
}

}  // namespace
}  // namespace weft::testing
