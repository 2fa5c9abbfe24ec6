// SPDX-License-Identifier: Apache-2.0
// A session against a front-end over a real socket: handshake, lies, memory tables, rings.
#include "nodes/vhost/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <span>
#include <string>

#include "tests/nodes/vhost/session_fixture.h"
#include "tests/support/descriptors.h"

namespace weft::vhost {
namespace {

using ::testing::HasSubstr;
using weft::testing::OpenDescriptors;
using SessionTest = testing::SessionFixture;
using testing::kSplitFeatures;

TEST_F(SessionTest, HandshakeStartsBothRings) {
  Connect();
  EXPECT_EQ(front_end_.Ask(Request::kGetFeatures), kOfferedFeatures);
  EXPECT_EQ(front_end_.Ask(Request::kGetProtocolFeatures), kOfferedProtocolFeatures);
  EXPECT_EQ(front_end_.Ask(Request::kGetQueueNum), 1U);
  front_end_.Handshake();
  const RingView* const view = to_switch_.Running();
  ASSERT_NE(view, nullptr);
  ASSERT_NE(to_guest_.Running(), nullptr);
  EXPECT_EQ(view->size, 256);
  EXPECT_TRUE(view->mergeable && view->indirect && view->event_index && view->in_order);
  EXPECT_TRUE(view->call.valid());
  EXPECT_NE(view->kick, nullptr);
  // The same memory, seen from both sides.
  front_end_.ring(1).descriptors[5].length = 1234;
  EXPECT_EQ((view->descriptors + 5 * 16 + 8).Load<uint32_t>(), 1234U);
  front_end_.ring(1).Offer(9);
  EXPECT_EQ((view->available + 2).Load<uint16_t>(), 1);
  EXPECT_EQ((view->available + 4).Load<uint16_t>(), 9);
  (view->used + 2).Store<uint16_t>(1);
  EXPECT_EQ(front_end_.ring(1).used_index(), 1);
  EXPECT_TRUE(session_->Health().ok());
  EXPECT_EQ(session_->features(), kSplitFeatures);
  EXPECT_EQ(session_->memory()->region_count(), 1U);
}

TEST_F(SessionTest, ARingStartsOnItsFirstKickOnly) {
  Connect();
  front_end_.Negotiate();
  front_end_.SendMemoryTable();
  for (uint32_t i = 0; i < 2; ++i) front_end_.SetUpRing(i);
  for (uint32_t i = 0; i < 2; ++i) front_end_.Enable(i);
  front_end_.Ask(Request::kGetFeatures);
  EXPECT_EQ(to_switch_.Running(), nullptr);
  EXPECT_EQ(to_guest_.Running(), nullptr);
  front_end_.Kick(1);
  EXPECT_NE(to_switch_.Running(), nullptr);
  EXPECT_EQ(to_guest_.Running(), nullptr);
  eventfd_t count = 0;
  EXPECT_EQ(eventfd_read(front_end_.kick_fd(1), &count), 0);
  EXPECT_EQ(count, 1U) << "a kick is watched, never read";
}

TEST_F(SessionTest, ARingWithoutKickDescriptorIsPolledAtOnce) {
  Connect();
  front_end_.Negotiate();
  front_end_.SendMemoryTable();
  front_end_.Send(Request::kSetVringNum, RingPayload{1, 128});
  front_end_.Send(Request::kSetVringAddr, front_end_.addresses(1));
  front_end_.Send(Request::kSetVringKick, NumberPayload{1 | kNoDescriptor});
  front_end_.Enable(1);
  front_end_.Ask(Request::kGetFeatures);
  ASSERT_NE(to_switch_.Running(), nullptr);
  EXPECT_EQ(to_switch_.Running()->size, 128);
  EXPECT_EQ(to_switch_.Running()->kick, nullptr);
}

TEST_F(SessionTest, ADisabledRingDoesNotRun) {
  Connect();
  front_end_.Handshake();
  to_switch_.cursor.next_avail = 77;
  front_end_.Enable(1, false);
  front_end_.Ask(Request::kGetFeatures);
  EXPECT_EQ(to_switch_.Running(), nullptr);
  EXPECT_NE(to_guest_.Running(), nullptr);
  front_end_.Enable(1, true);
  front_end_.Ask(Request::kGetFeatures);
  EXPECT_NE(to_switch_.Running(), nullptr);
  EXPECT_EQ(to_switch_.cursor.next_avail, 77) << "it goes on where it was";
}

TEST_F(SessionTest, WithoutProtocolFeaturesRingsAreEnabled) {
  Connect();
  front_end_.Send(Request::kSetFeatures, NumberPayload{kFeatureVersion1});
  front_end_.Send(Request::kSetOwner);
  const MemoryPayload table = front_end_.memory_table();
  const int memfd = front_end_.memfd();
  front_end_.Send(Request::kSetMemTable, std::as_bytes(std::span(&table, 1)).first(40),
                  {&memfd, 1});
  front_end_.SetUpRing(1);
  front_end_.Kick(1);
  ASSERT_NE(to_switch_.Running(), nullptr);
  EXPECT_FALSE(to_switch_.Running()->mergeable);
  EXPECT_FALSE(to_switch_.Running()->call.valid());
}

TEST_F(SessionTest, ARingContinuesAtItsUsedIndex) {
  front_end_.ring(1).SetUsedIndex(65'533);
  Connect();
  front_end_.Handshake();
  ASSERT_NE(to_switch_.Running(), nullptr);
  EXPECT_EQ(to_switch_.cursor.next_avail, 65'533);
  EXPECT_EQ(to_switch_.cursor.next_used, 65'533);
  EXPECT_EQ(to_guest_.cursor.next_avail, 0);
}

TEST_F(SessionTest, StoppingARingAnswersWithItsPositionAndItCanStartAgain) {
  Connect();
  front_end_.Handshake();
  to_guest_.cursor.next_avail = 11;
  to_switch_.cursor.next_avail = 22;
  EXPECT_THAT(front_end_.StopRings(), ::testing::ElementsAre(11, 22));
  EXPECT_EQ(to_guest_.Running(), nullptr);
  EXPECT_EQ(to_switch_.Running(), nullptr);
  EXPECT_THAT(front_end_.StopRings(), ::testing::ElementsAre(11, 22)) << "still";
  EXPECT_FALSE(ended_.has_value());

  front_end_.ring(1).SetUsedIndex(22);
  front_end_.SetUpRing(1);
  front_end_.Ask(Request::kGetFeatures);
  Turn();
  // The eventfd still holds the first kick: nobody reads it.
  ASSERT_NE(to_switch_.Running(), nullptr);
  EXPECT_EQ(to_switch_.cursor.next_avail, 22);
}

// Nothing in a packed ring says where it goes on: the base does. Its upper half, where buffers are
// that were taken and not returned, is left 0 by front-ends from before it was said.
TEST_F(SessionTest, APackedRingContinuesAtItsBase) {
  struct Case {
    uint32_t base;
    uint16_t position;
  };
  for (const auto [base, position] :
       {Case{0x8000, 0}, Case{0, 256}, Case{0x8011, 0x11}, Case{0x11, 0x111},
        Case{0x8011'8011, 0x11}, Case{0x8013'8011, 0x13}, Case{0x00fe'8003, 0x1fe}}) {
    Connect();
    front_end_.Negotiate(kOfferedFeatures);
    front_end_.SendMemoryTable();
    front_end_.SetUpRing(1);
    front_end_.Send(Request::kSetVringBase, RingPayload{1, base});
    front_end_.Enable(1);
    front_end_.Kick(1);
    ASSERT_NE(to_switch_.Running(), nullptr);
    EXPECT_TRUE(to_switch_.Running()->packed);
    EXPECT_EQ(to_switch_.cursor.next_avail, position);
    EXPECT_EQ(to_switch_.cursor.next_used, position);
    session_.reset();
    Turns(2);
  }
}

TEST_F(SessionTest, APackedRingWithoutABaseIsFresh) {
  Connect();
  front_end_.Negotiate(kOfferedFeatures);
  front_end_.SendMemoryTable();
  front_end_.Send(Request::kSetVringNum, RingPayload{1, 256});
  front_end_.Send(Request::kSetVringAddr, front_end_.addresses(1));
  const int fd = front_end_.kick_fd(1);
  front_end_.Send(Request::kSetVringKick, NumberPayload{1}, {&fd, 1});
  front_end_.Enable(1);
  front_end_.Kick(1);
  ASSERT_NE(to_switch_.Running(), nullptr);
  EXPECT_EQ(to_switch_.cursor.next_avail, 0);
}

TEST_F(SessionTest, StoppingAPackedRingAnswersWithBothPositions) {
  Connect();
  front_end_.Handshake(kOfferedFeatures);
  to_guest_.cursor.next_avail = 11;
  to_switch_.cursor.next_avail = 256 + 22;
  EXPECT_THAT(front_end_.StopRings(), ::testing::ElementsAre(0x800b'800b, 0x0016'0016));
}

TEST_F(SessionTest, AStopWaitsForTheWorkers) {
  rcu_.Register(WorkerId(0));
  Connect();
  front_end_.Send(Request::kSetFeatures, NumberPayload{kSplitFeatures});
  const MemoryPayload table = front_end_.memory_table();
  const int memfd = front_end_.memfd();
  front_end_.Send(Request::kSetMemTable, std::as_bytes(std::span(&table, 1)).first(40),
                  {&memfd, 1});
  Turns(3);
  rcu_.Quiescent(WorkerId(0));
  Turns(3);
  front_end_.SetUpRing(1);
  front_end_.Enable(1);
  eventfd_write(front_end_.kick_fd(1), 1);
  Turns(5);
  ASSERT_NE(to_switch_.Running(), nullptr);

  front_end_.Send(Request::kGetVringBase, RingPayload{1, 0});
  front_end_.Send(Request::kGetQueueNum);
  Turns(5);
  EXPECT_EQ(to_switch_.Running(), nullptr) << "no longer to be seen";
  std::byte byte;
  EXPECT_EQ(recv(front_end_.socket(), &byte, 1, MSG_DONTWAIT), -1) << "but still to be used";
  to_switch_.cursor.next_avail = 5;  // the worker's last dispatch
  rcu_.Quiescent(WorkerId(0));
  Turns(3);
  const auto base = front_end_.ReadReply(Request::kGetVringBase);
  ASSERT_TRUE(base.has_value());
  EXPECT_EQ(static_cast<int>((*base)[4]), 5);
  EXPECT_TRUE(front_end_.ReadReply(Request::kGetQueueNum).has_value()) << "in order";
  rcu_.Unregister(WorkerId(0));
}

TEST_F(SessionTest, TheMemoryTableIsSwappedUnderRunningRings) {
  Connect();
  front_end_.Handshake();
  to_switch_.cursor.next_avail = 9;
  const std::shared_ptr<const GuestMemory> before = to_switch_.Running()->memory;
  const ForeignPtr ring = to_switch_.Running()->descriptors;
  for (int i = 0; i < 50; ++i) {
    const UniqueFd extra(memfd_create("extra", MFD_CLOEXEC));
    ASSERT_EQ(ftruncate(extra.get(), 4096), 0);
    MemoryPayload table = front_end_.memory_table();
    table.count = 2;
    table.regions[1] = {0x2'0000'0000, 4096, 0x6000'0000'0000, 0};
    const int fds[2] = {front_end_.memfd(), extra.get()};
    front_end_.Send(Request::kSetMemTable, std::as_bytes(std::span(&table, 1)).first(72), fds,
                    kVersion | kNeedReplyFlag);
    const auto reply = front_end_.ReadReply(Request::kSetMemTable);
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ((*reply)[0], std::byte{0});
  }
  const RingView* const view = to_switch_.Running();
  ASSERT_NE(view, nullptr);
  EXPECT_NE(view->memory, before);
  EXPECT_EQ(view->descriptors.unsafe_host(), ring.unsafe_host()) << "the same file: not remapped";
  EXPECT_TRUE(view->memory->Translate(0x2'0000'0000, 4096));
  EXPECT_EQ(to_switch_.cursor.next_avail, 9) << "the ring goes on where it was";
}

TEST_F(SessionTest, AMemoryTableWithoutTheRunningRingsEndsIt) {
  Connect();
  front_end_.Handshake();
  MemoryPayload table = front_end_.memory_table();
  table.regions[0].user_address += uint64_t{1} << 40;
  const int memfd = front_end_.memfd();
  front_end_.Send(Request::kSetMemTable, std::as_bytes(std::span(&table, 1)).first(40), {&memfd, 1},
                  kVersion | kNeedReplyFlag);
  const auto reply = front_end_.ReadReply(Request::kSetMemTable);
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ((*reply)[0], std::byte{1}) << "the nack, and then the end";
  ExpectEnd("SET_MEM_TABLE: ring 0: its descriptor table");
}

TEST_F(SessionTest, ReplacingTheCallDescriptorReachesTheWorkers) {
  Connect();
  front_end_.Handshake();
  const uint16_t before = to_guest_.Running()->call.slot;
  const UniqueFd call(eventfd(0, EFD_CLOEXEC));
  const int fd = call.get();
  front_end_.Send(Request::kSetVringCall, NumberPayload{0}, {&fd, 1});
  front_end_.Ask(Request::kGetFeatures);
  EXPECT_NE(to_guest_.Running()->call.slot, before);
  front_end_.Send(Request::kSetVringCall, NumberPayload{0 | kNoDescriptor});
  front_end_.Ask(Request::kGetFeatures);
  EXPECT_FALSE(to_guest_.Running()->call.valid());
}

TEST_F(SessionTest, StatusFollowsVirtio) {
  Connect();
  front_end_.Negotiate(kSplitFeatures & ~kFeatureVersion1);
  EXPECT_EQ(front_end_.Ack(Request::kSetStatus, NumberPayload{0xb}), 0U);
  EXPECT_EQ(front_end_.Ask(Request::kGetStatus), 0x3U) << "features without VERSION_1 are refused";
  front_end_.Send(Request::kSetFeatures, NumberPayload{kSplitFeatures});
  EXPECT_EQ(front_end_.Ack(Request::kSetStatus, NumberPayload{0xf}), 0U);
  EXPECT_EQ(front_end_.Ask(Request::kGetStatus), 0xfU);
  front_end_.SendMemoryTable();
  front_end_.SetUpRing(1);
  front_end_.Enable(1);
  front_end_.Kick(1);
  ASSERT_NE(to_switch_.Running(), nullptr);
  EXPECT_EQ(front_end_.Ack(Request::kSetStatus, NumberPayload{0}), 0U);
  EXPECT_EQ(to_switch_.Running(), nullptr) << "a reset stops the rings";
}

TEST_F(SessionTest, AWorkersVerdictEndsInHealth) {
  Connect();
  front_end_.Handshake();
  to_guest_.Fail(RingError::kAvailTooFarAhead);
  to_guest_.Fail(RingError::kHeadOutOfRange);
  EXPECT_EQ(to_guest_.Running(), nullptr);
  EXPECT_THAT(std::string(session_->Health().message()),
              HasSubstr("ring 0: more is available than"));
  // The next session inherits nothing.
  session_.reset();
  Turns(2);
  Connect();
  EXPECT_TRUE(session_->Health().ok());
  front_end_.Handshake();
  EXPECT_NE(to_guest_.Running(), nullptr);
}

TEST_F(SessionTest, ATruncatedMemoryFileEndsInHealth) {
  Connect();
  front_end_.Handshake();
  ASSERT_EQ(ftruncate(front_end_.memfd(), 0), 0);
  EXPECT_EQ((to_switch_.Running()->available + 2).Load<uint16_t>(), 0);
  EXPECT_THAT(std::string(session_->Health().message()), HasSubstr("memory file"));
}

TEST_F(SessionTest, ABlockedCallEndsInHealth) {
  Connect();
  front_end_.Handshake();
  const UniqueFd call(eventfd(0, EFD_CLOEXEC));
  const int fd = call.get();
  eventfd_write(fd, 0xffff'ffff'ffff'fffe);
  front_end_.Send(Request::kSetVringCall, NumberPayload{0}, {&fd, 1});
  front_end_.Ask(Request::kGetFeatures);
  notifier_.Notify(to_guest_.Running()->call);
  for (int i = 0; i < 10'000 && session_->Health().ok(); ++i) usleep(1'000);
  EXPECT_THAT(std::string(session_->Health().message()), HasSubstr("call eventfd"));
}

TEST_F(SessionTest, LeavesNothingBehind) {
  Connect();
  front_end_.Handshake();
  session_.reset();
  Turns(3);
  front_end_.Disconnect();
  usleep(20'000);  // the notifier closes what it had
  const size_t before = OpenDescriptors();
  for (int i = 0; i < 20; ++i) {
    Connect();
    front_end_.Handshake();
    front_end_.Disconnect();
    for (int turn = 0; turn < 100 && !ended_.has_value(); ++turn) Turn();
    ASSERT_TRUE(ended_.has_value() && absl::IsCancelled(*ended_));
  }
  for (int i = 0; i < 5'000 && OpenDescriptors() != before; ++i) {
    Turn();
    usleep(1'000);
  }
  EXPECT_EQ(OpenDescriptors(), before);
}

}  // namespace
}  // namespace weft::vhost
