// SPDX-License-Identifier: Apache-2.0
// A front-end that lies: each message of the matrix ends its own session with a reason, and leaves
// no descriptor behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tests/nodes/vhost/session_fixture.h"
#include "tests/support/descriptors.h"

namespace weft::vhost {
namespace {

using testing::FrontEnd;
using ::testing::HasSubstr;
using testing::kSplitFeatures;
using weft::testing::OpenDescriptors;

class HostileTest : public testing::SessionFixture {
 protected:
  // Open descriptors, once nothing is closed any more: by the loop, by Rcu, by the notifier.
  size_t SettledDescriptors() {
    size_t count = OpenDescriptors();
    for (int quiet = 0; quiet < 20; ++quiet) {
      Turn();
      usleep(1'000);
      if (const size_t now = OpenDescriptors(); now != count) {
        count = now;
        quiet = 0;
      }
    }
    return count;
  }
  // Sets ring 1 up, says `lie` about it, and kicks: expects the session to end with this reason.
  template <typename T>
  void ExpectNoStart(uint64_t features, Request request, const T& lie, const std::string& reason) {
    Connect();
    front_end_.Negotiate(features);
    front_end_.SendMemoryTable();
    front_end_.SetUpRing(1);
    front_end_.Send(request, lie);
    front_end_.Enable(1);
    eventfd_write(front_end_.kick_fd(1), 1);
    ExpectEnd(reason);
  }
};

struct Lie {
  std::string what;
  std::function<void(FrontEnd&)> tell;
  std::string reason;
};

template <typename T>
std::span<const std::byte> Bytes(const T& value) {
  return std::as_bytes(std::span<const T, 1>(&value, 1));
}

// Lies after a handshake with both rings running.
std::vector<Lie> Lies() {
  static const std::array<std::byte, 300> zeros{};
  static const NumberPayload number{0};
  const auto message = [](uint32_t request, size_t size, uint32_t flags = kVersion) {
    return [=](FrontEnd& f) {
      f.Send(static_cast<Request>(request), std::span(zeros).first(size), {}, flags);
    };
  };
  const auto with_fds = [](Request request, uint64_t value, size_t count) {
    return [=](FrontEnd& f) {
      const std::vector<int> fds(count, f.kick_fd(0));
      f.Send(request, NumberPayload{value}, fds);
    };
  };
  const auto ring = [](Request request, uint32_t index, uint32_t value) {
    return [=](FrontEnd& f) { f.Send(request, RingPayload{index, value}); };
  };
  const auto table = [](uint32_t names, size_t regions, size_t fds) {
    return [=](FrontEnd& f) {
      MemoryPayload payload = f.memory_table();
      payload.count = names;
      const std::vector<int> files(fds, f.memfd());
      f.Send(Request::kSetMemTable, Bytes(payload).first(8 + 32 * regions), files);
    };
  };
  return {
      {"request 0", message(0, 0), "request 0 is unknown"},
      {"SET_LOG_BASE, not offered", message(6, 8), "request 6 is unknown"},
      {"a large request", message(0xffff'ffff, 0), "is unknown"},
      {"version 0", message(1, 0, 0), "flags"},
      {"version 2", message(1, 0, 2), "flags"},
      {"a reply", message(1, 0, kVersion | kReplyFlag), "flags"},
      {"unknown flags", message(1, 0, kVersion | 0x100), "flags"},
      {"GET_FEATURES with payload", message(1, 8), "GET_FEATURES has 8 bytes instead of 0"},
      {"SET_FEATURES too short", message(2, 4), "SET_FEATURES has 4 bytes instead of 8"},
      {"SET_FEATURES too long", message(2, 12), "SET_FEATURES has 12 bytes instead of 8"},
      {"SET_VRING_ADDR too short", message(9, 32), "instead of 40"},
      {"SET_MEM_TABLE too long", message(5, 300), "instead of 40 to 264"},
      {"an endless message",
       [](FrontEnd& f) {
         f.SendRaw(Bytes(MessageHeader{Request::kSetFeatures, kVersion, 0xffff'ffff}));
       },
       "SET_FEATURES has 4294967295 bytes"},
      {"a descriptor nobody asked for", with_fds(Request::kSetProtocolFeatures, 0, 1),
       "came with 1 descriptors"},
      {"two kick descriptors", with_fds(Request::kSetVringKick, 0, 2), "came with 2 descriptors"},
      {"nine descriptors", with_fds(Request::kSetVringKick, 0, 9), "more than 8 descriptors"},
      {"thirty descriptors", with_fds(Request::kSetVringKick, 0, 30), "more than 8 descriptors"},
      {"a kick without its descriptor", with_fds(Request::kSetVringKick, 0, 0),
       "came with 0 descriptors"},
      {"a descriptor that is said not to be there",
       with_fds(Request::kSetVringCall, kNoDescriptor, 1), "came with 1 descriptors"},
      {"a memfd as call descriptor",
       [](FrontEnd& f) {
         const int fd = f.memfd();
         f.Send(Request::kSetVringCall, number, {&fd, 1});
       },
       "SET_VRING_CALL: came with a descriptor that is not an eventfd"},
      {"a socket as kick descriptor",
       [](FrontEnd& f) {
         const int fd = f.socket();
         f.Send(Request::kSetVringKick, number, {&fd, 1});
       },
       "SET_VRING_KICK: came with a descriptor that is not an eventfd"},
      {"a memfd as error descriptor",
       [](FrontEnd& f) {
         const int fd = f.memfd();
         f.Send(Request::kSetVringErr, number, {&fd, 1});
       },
       "SET_VRING_ERR"},
      {"a kick with unknown bits", with_fds(Request::kSetVringKick, 0x1000, 1), "unknown bits"},
      {"a kick for ring 2", with_fds(Request::kSetVringKick, 2, 1), "there is no ring 2"},
      {"a call for ring 255", with_fds(Request::kSetVringCall, 255, 1), "there is no ring 255"},
      {"features that were not offered", ring(Request::kSetProtocolFeatures, 2, 0),
       "came while ring 0 is started"},
      {"SET_FEATURES on a started ring", message(2, 8), "came while ring 0 is started"},
      {"SET_VRING_NUM on a started ring", ring(Request::kSetVringNum, 1, 256),
       "SET_VRING_NUM: came while ring 1 is started"},
      {"SET_VRING_BASE on a started ring", ring(Request::kSetVringBase, 0, 0),
       "came while ring 0 is started"},
      {"SET_VRING_ADDR on a started ring",
       [](FrontEnd& f) { f.Send(Request::kSetVringAddr, f.addresses(1)); },
       "came while ring 1 is started"},
      {"GET_VRING_BASE of ring 7", ring(Request::kGetVringBase, 7, 0), "there is no ring 7"},
      {"enabling ring 2", ring(Request::kSetVringEnable, 2, 1), "there is no ring 2"},
      {"enabling by 2", ring(Request::kSetVringEnable, 0, 2), "has value 2"},
      {"more regions than bytes", table(2, 1, 2), "names 2 regions"},
      {"more bytes than regions", table(1, 2, 1), "names 1 regions"},
      {"more descriptors than regions", table(1, 1, 2), "with 2 descriptors"},
      {"a table of no region", table(0, 1, 1), "names 0 regions"},
      {"overlapping regions",
       [](FrontEnd& f) {
         MemoryPayload payload = f.memory_table();
         payload.count = 2;
         payload.regions[1] = payload.regions[0];
         const std::array<int, 2> fds{f.memfd(), f.memfd()};
         f.Send(Request::kSetMemTable, Bytes(payload).first(72), fds);
       },
       "memory region 1 overlaps region 0"},
      {"a status of 2^40",
       [](FrontEnd& f) { f.Send(Request::kSetStatus, NumberPayload{uint64_t{1} << 40}); },
       "SET_STATUS: has value"},
  };
}

TEST_F(HostileTest, EveryLieEndsItsOwnSessionAndLeaksNothing) {
  Connect();
  front_end_.Handshake();
  front_end_.Disconnect();
  while (!ended_.has_value()) Turn();
  const size_t before = SettledDescriptors();
  for (const Lie& lie : Lies()) {
    SCOPED_TRACE(lie.what);
    Connect();
    front_end_.Handshake();
    ASSERT_FALSE(ended_.has_value());
    lie.tell(front_end_);
    ExpectEnd(lie.reason);
    EXPECT_FALSE(ended_.has_value() && absl::IsCancelled(*ended_)) << "it is an error";
    front_end_.Disconnect();
  }
  EXPECT_EQ(SettledDescriptors(), before);
}

// Lies about a ring, told before it starts: they end the session at the message or at the kick.
TEST_F(HostileTest, ARingThatIsNotWhereItSaysDoesNotStart) {
  using Change = std::function<void(RingAddressPayload&)>;
  const std::vector<std::pair<std::string, Change>> cases = {
      {"its descriptor table is not aligned to 16", [](auto& a) { a.descriptors += 8; }},
      {"its available ring is not aligned to 2", [](auto& a) { a.available += 1; }},
      {"its used ring is not aligned to 4", [](auto& a) { a.used += 2; }},
      {"its descriptor table of 4096 bytes is not inside", [](auto& a) { a.descriptors = 0; }},
      {"its available ring of 518 bytes is not inside",
       [](auto& a) { a.available = FrontEnd::kUserBase + (8 << 20) - 516; }},
      {"its used ring of 2054 bytes is not inside", [](auto& a) { a.used = ~uint64_t{0} - 3; }},
  };
  for (const auto& [reason, change] : cases) {
    SCOPED_TRACE(reason);
    RingAddressPayload addresses = front_end_.addresses(1);
    change(addresses);
    ExpectNoStart(kSplitFeatures, Request::kSetVringAddr, addresses, reason);
  }
}

TEST_F(HostileTest, APackedRingThatIsNotWhereItSaysDoesNotStart) {
  using Change = std::function<void(RingAddressPayload&)>;
  const std::vector<std::pair<std::string, Change>> cases = {
      {"its descriptor ring is not aligned to 16", [](auto& a) { a.descriptors += 8; }},
      {"its driver event area is not aligned to 4", [](auto& a) { a.available += 2; }},
      {"its device event area is not aligned to 4", [](auto& a) { a.used += 2; }},
      {"its descriptor ring of 4096 bytes is not inside", [](auto& a) { a.descriptors = 0; }},
      {"its driver event area of 4 bytes is not inside",
       [](auto& a) { a.available = FrontEnd::kUserBase + (8 << 20); }},
      {"its device event area of 4 bytes is not inside",
       [](auto& a) { a.used = ~uint64_t{0} - 3; }},
  };
  for (const auto& [reason, change] : cases) {
    SCOPED_TRACE(reason);
    RingAddressPayload addresses = front_end_.addresses(1);
    change(addresses);
    ExpectNoStart(kOfferedFeatures, Request::kSetVringAddr, addresses, reason);
  }
}

TEST_F(HostileTest, APackedRingDoesNotStartOutsideOfItself) {
  for (const uint32_t base : {256U, 0x8100U, 0xffffU, 0x7fff'7fffU}) {
    ExpectNoStart(kOfferedFeatures, Request::kSetVringBase, RingPayload{1, base},
                  "of a ring of 256");
  }
}

TEST_F(HostileTest, ImpossibleNumbersAreRefused) {
  const std::vector<std::pair<std::string, std::function<void()>>> cases = {
      {"a ring of 0;",
       [&] {
         front_end_.Send(Request::kSetVringNum, RingPayload{0, 0});
       }},
      {"a ring of 100;",
       [&] {
         front_end_.Send(Request::kSetVringNum, RingPayload{0, 100});
       }},
      {"a ring of 8192;",
       [&] {
         front_end_.Send(Request::kSetVringNum, RingPayload{0, 8192});
       }},
      {"base 65536",
       [&] {
         front_end_.Send(Request::kSetVringBase, RingPayload{0, 65536});
       }},
      {"feature bits 0x200000000, which were not offered",
       [&] { front_end_.Send(Request::kSetFeatures, NumberPayload{uint64_t{1} << 33}); }},
      {"SET_PROTOCOL_FEATURES: accepts feature bits 0x2",
       [&] { front_end_.Send(Request::kSetProtocolFeatures, NumberPayload{2}); }},
      {"dirty logging",
       [&] {
         RingAddressPayload addresses = front_end_.addresses(0);
         addresses.flags = 1;
         front_end_.Send(Request::kSetVringAddr, addresses);
       }},
  };
  for (const auto& [reason, tell] : cases) {
    SCOPED_TRACE(reason);
    Connect();
    tell();
    ExpectEnd(reason);
  }
}

TEST_F(HostileTest, NeedReplyNeverTurnsAnErrorIntoGoOn) {
  Connect();
  front_end_.Negotiate();
  EXPECT_EQ(front_end_.Ack(Request::kSetVringNum, RingPayload{0, 256}), 0U);
  EXPECT_EQ(front_end_.Ack(Request::kSetVringNum, RingPayload{0, 257}), 1U);
  ExpectEnd("a ring of 257");
}

TEST_F(HostileTest, MessagesMayComeByteByByte) {
  Connect();
  const MessageHeader header{Request::kGetFeatures, kVersion, 0};
  for (const std::byte byte : Bytes(header)) {
    front_end_.SendRaw({&byte, 1});
    Turns(2);
  }
  EXPECT_TRUE(front_end_.ReadReply(Request::kGetFeatures).has_value());
}

TEST_F(HostileTest, AHalfMessageDiesAtItsDeadline) {
  limits_.message_deadline = std::chrono::milliseconds(20);
  Connect();
  const MessageHeader header{Request::kSetFeatures, kVersion, 8};
  front_end_.SendRaw(Bytes(header).first(5));
  Turn();
  EXPECT_FALSE(ended_.has_value());
  while (!ended_.has_value()) loop_.RunOnce(std::chrono::milliseconds(5));
  EXPECT_THAT(std::string(ended_->message()), HasSubstr("did not finish a message"));

  // A header without its payload, with a descriptor on board.
  front_end_.Disconnect();
  const size_t before = SettledDescriptors();
  Connect();
  const int fd = front_end_.memfd();
  front_end_.SendRaw(Bytes(MessageHeader{Request::kSetVringKick, kVersion, 8}), {&fd, 1});
  while (!ended_.has_value()) loop_.RunOnce(std::chrono::milliseconds(5));
  front_end_.Disconnect();
  EXPECT_EQ(SettledDescriptors(), before);
}

TEST_F(HostileTest, BytesInTimeDoNotMoveTheDeadline) {
  limits_.message_deadline = std::chrono::milliseconds(50);
  Connect();
  const NumberPayload endless{1};
  front_end_.SendRaw(Bytes(MessageHeader{Request::kSetFeatures, kVersion, 8}));
  int bytes = 0;
  while (!ended_.has_value() && bytes < 7) {
    front_end_.SendRaw(Bytes(endless).first(1));
    ++bytes;
    loop_.RunOnce(std::chrono::milliseconds(10));
    usleep(10'000);
    Turn();
  }
  EXPECT_TRUE(ended_.has_value());
}

TEST_F(HostileTest, AFloodIsSlowedAndEverybodyElseIsServed) {
  limits_.message_burst = 8;
  limits_.messages_per_second = 50;
  Connect();
  for (int i = 0; i < 100; ++i) front_end_.Send(Request::kSetOwner);
  front_end_.Send(Request::kGetFeatures);
  int served = 0;
  EventLoop::TimerId other = loop_.Every(std::chrono::milliseconds(1), [&] { ++served; });
  for (int i = 0; i < 20; ++i) loop_.RunOnce(std::chrono::milliseconds(2));
  EXPECT_GE(served, 10) << "the loop turns";
  std::byte byte;
  EXPECT_EQ(recv(front_end_.socket(), &byte, 1, MSG_DONTWAIT), -1) << "the answer has to wait";
  EXPECT_FALSE(ended_.has_value());
  loop_.Cancel(other);
}

TEST_F(HostileTest, WhoDoesNotReadItsRepliesIsDisconnected) {
  limits_.message_burst = 1'000'000;
  Connect();
  const MessageHeader header{Request::kGetFeatures, kVersion, 0};
  for (int i = 0; i < 100'000 && !ended_.has_value(); ++i) {
    send(front_end_.socket(), &header, sizeof(header), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (i % 64 == 0) Turn();
  }
  ASSERT_TRUE(ended_.has_value());
  EXPECT_THAT(std::string(ended_->message()), HasSubstr("does not read its replies"));
}

}  // namespace
}  // namespace weft::vhost
