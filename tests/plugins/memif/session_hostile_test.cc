// SPDX-License-Identifier: Apache-2.0
// Clients that lie in their messages: each is told, its connection closed, and nothing of it stays.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/memif/ring.h"
#include "tests/plugins/memif/session_fixture.h"
#include "tests/support/descriptors.h"

namespace weft::memif {
namespace {

using testing::Bytes;
using testing::ConnectMessage;
using testing::InitMessage;
using testing::PeerRing;
using testing::RegionMessage;
using testing::RingMessage;
using testing::SharedMemory;

class SessionHostileTest : public testing::SessionFixture {
 protected:
  template <typename T, typename Change>
  static Message Changed(const Message& message, Change change) {
    auto payload = message.As<T>();
    change(payload);
    return {message.type, payload};
  }
};

TEST_F(SessionHostileTest, MessagesOfAnotherLength) {
  for (const size_t length : {1, 2, 127, 129, 256, 4096}) {
    Connect(Role::kServer);
    peer_->SendBytes(Bytes(length, 1));
    ExpectEnd("128 bytes");
  }
  Connect(Role::kServer);
  peer_->SendBytes({}, std::array{client_.memory.fd()});  // nothing, and a descriptor with it
  ExpectEnd("");
}

TEST_F(SessionHostileTest, MessagesThatNobodyKnows) {
  for (const uint16_t type : std::initializer_list<uint16_t>{0, 9, 255, 0xffff}) {
    Connect(Role::kServer);
    peer_->Send(Message(static_cast<MessageType>(type)));
    ExpectEnd("unknown");
  }
}

TEST_F(SessionHostileTest, MessagesInAnotherOrder) {
  for (const MessageType type :
       {MessageType::kAck, MessageType::kHello, MessageType::kConnect, MessageType::kConnected}) {
    Connect(Role::kServer);
    peer_->Send(Message(type));
    ExpectEnd("has no place here");
    Introduce();
    peer_->Send(Message(type));
    ExpectEnd(type == MessageType::kConnect ? "without a ring" : "has no place here");
    Run();
    peer_->Send(Message(type));
    ExpectEnd("has no place here");
  }
  Connect(Role::kServer);
  peer_->Send(RegionMessage(4096), client_.memory.fd());
  ExpectEnd("has no place here");
  Introduce();
  peer_->Send(InitMessage());
  ExpectEnd("has no place here");
  Run();
  peer_->Send(RegionMessage(4096, 1), client_.memory.fd());
  ExpectEnd("has no place here");
  Run();
  peer_->Send(RingMessage(true, client_.out, 1), interrupt_out_.get());
  ExpectEnd("has no place here");
}

TEST_F(SessionHostileTest, Introductions) {
  const auto refused = [this](const Message& message, const char* reason) {
    Connect(Role::kServer);
    peer_->Send(message);
    ExpectEnd(reason);
  };
  for (const uint16_t version : std::initializer_list<uint16_t>{0, 0x100, 0x201, 0xffff}) {
    refused(Changed<Init>(InitMessage(), [&](Init& init) { init.version = version; }), "version");
  }
  refused(InitMessage(1), "interface 1");
  refused(InitMessage(0xffffffff), "interface 4294967295");
  for (const uint8_t mode : std::initializer_list<uint8_t>{1, 2, 255}) {
    refused(Changed<Init>(InitMessage(), [&](Init& init) { init.mode = mode; }), "Ethernet");
  }
  refused(InitMessage(0, "guess"), "secret");
  end_.options.secret = "right";
  refused(InitMessage(), "secret");
  refused(InitMessage(0, "righT"), "secret");
  refused(InitMessage(0, "right?"), "secret");
  refused(Changed<Init>(InitMessage(0, "right"), [](Init& init) { init.secret[23] = 'x'; }),
          "secret");
}

TEST_F(SessionHostileTest, DescriptorsThatNobodyAskedFor) {
  const int memory = client_.memory.fd();
  Connect(Role::kServer);
  peer_->Send(InitMessage(), memory);
  ExpectEnd("1 descriptors instead of 0");
  Introduce();
  peer_->Send(RegionMessage(client_.memory.size()));
  ExpectEnd("0 descriptors instead of 1");
  Introduce();
  peer_->Send(RegionMessage(client_.memory.size()), std::array{memory, memory});
  ExpectEnd("2 descriptors instead of 1");
  Share();
  peer_->Send(RingMessage(true, client_.out));
  ExpectEnd("0 descriptors instead of 1");
  Introduce();
  const std::vector<int> many(200, memory);
  peer_->Send(RegionMessage(client_.memory.size()), many);
  ExpectEnd("200 descriptors");
}

TEST_F(SessionHostileTest, MemoryThatIsNone) {
  const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  const UniqueFd directory(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const UniqueFd read_only(
      open(("/proc/self/fd/" + std::to_string(client_.memory.fd())).c_str(), O_RDONLY | O_CLOEXEC));
  const auto refused = [this](const Message& message, int fd, const char* reason) {
    Introduce();
    peer_->Send(message, fd);
    ExpectEnd(reason);
  };
  const uint64_t size = client_.memory.size();
  for (const int fd : {null.get(), directory.get(), interrupt_in_.get()}) {
    refused(RegionMessage(size), fd, "hugetlbfs or tmpfs");
  }
  refused(RegionMessage(size), read_only.get(), "not open for reading and writing");
  refused(RegionMessage(size + 1), client_.memory.fd(), "ends at byte");
  refused(RegionMessage(0), client_.memory.fd(), "empty");
  refused(RegionMessage(~uint64_t{0}), client_.memory.fd(), "limit");
  refused(RegionMessage(size, 1), client_.memory.fd(), "region 1 after 0");
  refused(RegionMessage(size, 0xffff), client_.memory.fd(), "region 65535 after 0");
  end_.options.memory_bytes = size - 1;
  refused(RegionMessage(size), client_.memory.fd(), "limit");
}

TEST_F(SessionHostileTest, TooManyRegions) {
  Introduce();
  for (uint16_t i = 0; i < kMaxRegions; ++i) {
    Ask(RegionMessage(4096, i), client_.memory.fd(), MessageType::kAck);
  }
  peer_->Send(RegionMessage(4096, kMaxRegions), client_.memory.fd());
  ExpectEnd("more than 8 memory regions");
}

TEST_F(SessionHostileTest, RingsThatAreNone) {
  const auto refused = [this](const Message& message, int fd, const char* reason) {
    Share();
    peer_->Send(message, fd);
    ExpectEnd(reason);
  };
  const int event = interrupt_out_.get();
  const Message good = RingMessage(true, client_.out);
  refused(good, client_.memory.fd(), "not an eventfd");
  refused(RingMessage(true, client_.out, 1), event, "ring 1 after 0");
  refused(RingMessage(false, client_.out, 0xffff), event, "ring 65535 after 0");
  refused(Changed<AddRing>(good, [](AddRing& ring) { ring.private_header_size = 1; }), event,
          "private headers");
  Share();
  for (uint16_t i = 0; i < 2; ++i) {
    Ask(RingMessage(true, client_.out, i), event, MessageType::kAck);
  }
  peer_->Send(RingMessage(true, client_.out, 2), event);
  ExpectEnd("ring 2 after 2 of at most 2");
}

TEST_F(SessionHostileTest, RingsInMemoryThatIsNotThere) {
  const auto refused = [this](auto change, const char* reason) {
    Share();
    Ask(Changed<AddRing>(RingMessage(true, client_.out), change), interrupt_out_.get(),
        MessageType::kAck);
    Ask(RingMessage(false, client_.in), interrupt_in_.get(), MessageType::kAck);
    peer_->Send(ConnectMessage());
    ExpectEnd(reason);
    EXPECT_EQ(end_.runs, 0);
  };
  const auto size = static_cast<uint32_t>(client_.memory.size());
  refused([](AddRing& ring) { ring.log2_size = 0; }, "2^0 descriptors");
  refused([](AddRing& ring) { ring.log2_size = 13; }, "2^13 descriptors");
  refused([](AddRing& ring) { ring.log2_size = 255; }, "2^255 descriptors");
  refused([](AddRing& ring) { ring.region = 1; }, "not inside one memory region");
  refused([](AddRing& ring) { ring.region = 0xffff; }, "not inside one memory region");
  refused([](AddRing& ring) { ring.offset = 8; }, "not aligned");
  refused([&](AddRing& ring) { ring.offset = size - 16; }, "not inside one memory region");
  refused([](AddRing& ring) { ring.offset = 0xfffffff0; }, "not inside one memory region");
  refused([](AddRing& ring) { ring.offset = 16; }, "does not begin as rings do");
}

TEST_F(SessionHostileTest, AConnectionWithoutRings) {
  Share();
  peer_->Send(ConnectMessage());
  ExpectEnd("without a ring in each direction");
  Share();
  Ask(RingMessage(true, client_.out), interrupt_out_.get(), MessageType::kAck);
  peer_->Send(ConnectMessage());
  ExpectEnd("without a ring in each direction");
}

TEST_F(SessionHostileTest, WhoSaysNothingIsNotWaitedFor) {
  end_.options.deadline = std::chrono::milliseconds(1);
  Connect(Role::kServer);
  for (int i = 0; i < 10'000 && !end_.ended; ++i) {
    loop_.RunOnce(std::chrono::milliseconds(1));
  }
  ExpectEnd("not made in time: the peer has not said which interface");
  end_.options.deadline = std::chrono::hours(1);
  Run();
  EXPECT_EQ(end_.session->Lacks(), "");
}

TEST_F(SessionHostileTest, MessagesThatAreTooManyWait) {
  end_.options.message_burst = 3;
  end_.options.messages_per_second = 1;
  Introduce();
  Ask(RegionMessage(4096, 0), client_.memory.fd(), MessageType::kAck);
  Ask(RegionMessage(4096, 1), client_.memory.fd(), MessageType::kAck);
  peer_->Send(RegionMessage(4096, 2), client_.memory.fd());
  Turn();
  EXPECT_EQ(peer_->ReadType(), MessageType::kNone) << "a second has not gone by";
  EXPECT_FALSE(end_.ended.has_value());
}

TEST_F(SessionHostileTest, WhatAWorkerFoundIsSaid) {
  Run();
  end_.to_switch[0]->Fail(RingError::kIndexTooFarAhead);
  EXPECT_EQ(end_.session->Health().message(),
            "ring to the switch 0: the peer's index is further ahead than its ring has "
            "descriptors");
  Run();
  EXPECT_TRUE(end_.session->Health().ok()) << "a new connection clears it";
  ASSERT_EQ(ftruncate(client_.memory.fd(), 0), 0);
  (void)IsIdle(*end_.to_switch[0], *end_.to_switch[0]->view.Load());
  EXPECT_FALSE(end_.session->Health().ok());
}

TEST_F(SessionHostileTest, EveryDescriptorOfALiarIsClosed) {
  const auto lie = [this] {
    const std::vector<int> many(100, client_.memory.fd());
    Introduce();
    peer_->Send(RegionMessage(1), many);
    ExpectEnd("100 descriptors");
    Share();
    Ask(RingMessage(true, client_.out), interrupt_out_.get(), MessageType::kAck);
    peer_->Send(RingMessage(false, client_.in), client_.memory.fd());
    ExpectEnd("not an eventfd");
    peer_.reset();
    for (int i = 0; i < 3; ++i) Turn();
  };
  lie();
  const size_t before = weft::testing::OpenDescriptors();
  for (int i = 0; i < 20; ++i) lie();
  for (int i = 0; i < 10'000 && weft::testing::OpenDescriptors() > before; ++i) {
    loop_.RunOnce(std::chrono::milliseconds(1));
  }
  EXPECT_LE(weft::testing::OpenDescriptors(), before);
}

}  // namespace
}  // namespace weft::memif
