// SPDX-License-Identifier: Apache-2.0
// A port with a real socket on disk: who may connect, what is left behind, and what the operator is
// told.
#include "nodes/vhost/vhost_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/base/unix_socket.h"
#include "nodes/vhost/vhost_config.h"
#include "tests/support/descriptors.h"
#include "tests/support/front_end.h"
#include "tests/support/lingering_socket.h"

namespace weft::vhost {
namespace {

using testing::FrontEnd;
using ::testing::HasSubstr;

class VhostPortTest : public ::testing::Test {
 protected:
  VhostPortTest() {
    SetLogLevel(LogLevel::kOff);
    char name[] = "/tmp/weft-vhost-XXXXXX";
    directory_ = mkdtemp(name);
    options_.path = directory_ + "/ports/web-1/vhost.sock";
    options_.own_directory = true;
  }
  ~VhostPortTest() override {
    port_.reset();
    std::filesystem::remove_all(directory_);
  }

  void Open(size_t queue_pairs = 1) {
    VhostPort::Callbacks callbacks{.on_up = [this] { ++ups_; }, .on_down = [this] { ++downs_; }};
    port_ =
        std::make_unique<VhostPort>(Services{loop_, rcu_, notifier_}, PortId(1), "web-1", options_,
                                    queue_pairs, SessionLimits(), std::move(callbacks));
    const absl::Status status = port_->Open();
    ASSERT_TRUE(status.ok()) << status;
  }
  void Turn() {
    loop_.RunOnce(std::chrono::milliseconds(1));
    rcu_.Poll();
    if (port_ != nullptr) port_->Check();
  }
  bool Until(const std::function<bool()>& condition) {
    for (int i = 0; i < 5'000; ++i) {
      if (condition()) return true;
      Turn();
    }
    return false;
  }
  bool Reaches(PortState state) {
    return Until([&] { return port_->state() == state; });
  }
  static mode_t ModeAt(const std::string& path) {
    struct stat found {};
    return stat(path.c_str(), &found) == 0 ? found.st_mode & 0777 : 0;
  }

  std::string directory_;
  EndpointOptions options_;
  EventLoop loop_;
  Rcu rcu_;
  Notifier notifier_;
  int ups_ = 0;
  int downs_ = 0;
  std::unique_ptr<VhostPort> port_;
  FrontEnd front_end_{[this] { Turn(); }};
};

TEST_F(VhostPortTest, MakesItsDirectoryAndSocketAndRemovesTheSocket) {
  Open();
  EXPECT_EQ(ModeAt(directory_ + "/ports/web-1"), 0750U);
  EXPECT_EQ(ModeAt(options_.path), 0660U);
  EXPECT_EQ(port_->state(), PortState::kWaiting);
  port_.reset();
  EXPECT_EQ(ModeAt(options_.path), 0U);
  EXPECT_EQ(ModeAt(directory_ + "/ports/web-1"), 0750U);
}

TEST_F(VhostPortTest, LeavesAloneWhatItDidNotMake) {
  Open();
  unlink(options_.path.c_str());
  const absl::StatusOr<UniqueFd> other = Listen(options_.path, 0600);
  ASSERT_TRUE(other.ok());
  port_.reset();
  EXPECT_EQ(ModeAt(options_.path), 0600U) << "not our socket";
  VhostPort second(Services{loop_, rcu_, notifier_}, PortId(1), "web-1", options_, 1,
                   SessionLimits(), {});
  const absl::Status status = second.Open();
  EXPECT_THAT(std::string(status.message()), HasSubstr(options_.path));
  EXPECT_THAT(std::string(status.message()), HasSubstr("in use"));
}

TEST_F(VhostPortTest, GoesUpAndDownWithItsContainer) {
  Open();
  front_end_.Connect(options_.path);
  front_end_.Handshake();
  EXPECT_TRUE(Reaches(PortState::kUp));
  EXPECT_EQ(ups_, 1);
  const VhostPort::Info info = port_->Describe();
  EXPECT_EQ(info.peer_pid, getpid());
  EXPECT_EQ(info.peer_uid, getuid());
  EXPECT_EQ(info.ring_size[0], 256U);
  EXPECT_EQ(info.memory_regions, 1U);
  EXPECT_EQ(info.features, testing::kSplitFeatures);
  EXPECT_EQ(info.socket, options_.path);
  front_end_.Disconnect();
  EXPECT_TRUE(Reaches(PortState::kWaiting));
  EXPECT_EQ(downs_, 1);
  EXPECT_EQ(port_->queue(Direction::kToSwitch)->Running(), nullptr);
}

// In the order of DPDK's virtio-user: all rings are set up, the first pair is enabled, and the
// others when the driver says so.
TEST_F(VhostPortTest, IsUpWithItsFirstQueuePairAndTheOthersFollow) {
  Open(4);
  EXPECT_EQ(port_->queue_pairs(), 4U);
  FrontEnd front_end([this] { Turn(); }, 8 << 20, 256, 4);
  front_end.Connect(options_.path);
  front_end.Negotiate();
  EXPECT_EQ(front_end.Ask(Request::kGetQueueNum), 4U);
  front_end.SendMemoryTable();
  for (uint32_t ring = 0; ring < 8; ++ring) front_end.SetUpRing(ring);
  const auto pair = [&](uint32_t number, bool enable) {
    for (uint32_t ring : {2 * number, 2 * number + 1}) front_end.Enable(ring, enable);
    front_end.Ask(Request::kGetFeatures);
  };
  for (uint32_t ring = 2; ring < 8; ++ring) front_end.Kick(ring);
  pair(3, true);
  EXPECT_EQ(port_->Describe().queues_running, 1U);
  EXPECT_EQ(port_->state(), PortState::kConnected) << "the first is what counts";
  for (uint32_t ring : {0, 1}) front_end.Kick(ring);
  pair(0, true);
  EXPECT_TRUE(Reaches(PortState::kUp));
  for (uint32_t number : {1, 2}) pair(number, true);
  EXPECT_EQ(port_->Describe().queues_running, 4U);
  // Each has rings of its own.
  for (size_t number = 0; number < 4; ++number) {
    const RingView* const view = port_->queue(Direction::kToSwitch, number)->Running();
    ASSERT_NE(view, nullptr);
    const auto ring = static_cast<uint32_t>(RingOf(number, Direction::kToSwitch));
    front_end.ring(ring).SetAvailableIndex(static_cast<uint16_t>(100 + number));
    EXPECT_EQ((view->available + 2).Load<uint16_t>(), 100 + number);
  }
  for (uint32_t number : {1, 2, 3}) pair(number, false);
  EXPECT_EQ(port_->Describe().queues_running, 1U);
  EXPECT_EQ(port_->state(), PortState::kUp);
  pair(0, false);
  EXPECT_EQ(port_->state(), PortState::kConnected);
  EXPECT_EQ(downs_, 1);
  EXPECT_EQ(front_end.StopRings().size(), 8U);
  front_end.Send(Request::kSetVringNum, RingPayload{8, 256});
  EXPECT_TRUE(Reaches(PortState::kError));
  EXPECT_THAT(port_->Describe().reason,
              HasSubstr("there is no ring 8: the port has 4 queue pairs"));
}

TEST_F(VhostPortTest, StoppedRingsTakeItDownAndItComesBack) {
  Open();
  front_end_.Connect(options_.path);
  front_end_.Handshake();
  ASSERT_TRUE(Reaches(PortState::kUp));
  front_end_.StopRings();
  EXPECT_EQ(port_->state(), PortState::kConnected);
  EXPECT_EQ(downs_, 1);
  for (uint32_t i = 0; i < 2; ++i) front_end_.SetUpRing(i);
  EXPECT_TRUE(Reaches(PortState::kUp)) << "both kicks are still to be seen";
  EXPECT_EQ(ups_, 2);
}

TEST_F(VhostPortTest, ContainersRestartManyTimes) {
  Open();
  for (int i = 0; i < 50; ++i) {
    front_end_.Connect(options_.path);  // while the old connection is only just closed
    front_end_.Handshake();
    ASSERT_TRUE(Reaches(PortState::kUp)) << i;
    front_end_.Disconnect();
  }
  EXPECT_TRUE(Reaches(PortState::kWaiting));
  EXPECT_EQ(port_->Describe().connections, 50U);
  EXPECT_EQ(ups_, 50);
  EXPECT_EQ(downs_, 50);
}

TEST_F(VhostPortTest, ASecondConnectionIsRefused) {
  Open();
  front_end_.Connect(options_.path);
  front_end_.Handshake();
  FrontEnd second([this] { Turn(); });
  second.Connect(options_.path);
  EXPECT_TRUE(second.Closed());
  EXPECT_EQ(port_->state(), PortState::kUp);
  EXPECT_EQ(port_->Describe().connections, 1U);
}

TEST_F(VhostPortTest, ARefusedConnectionStallsNobody) {
  Open();
  front_end_.Connect(options_.path);
  front_end_.Handshake();
  ASSERT_TRUE(Reaches(PortState::kUp));
  weft::testing::LingeringSocket lingering;
  const int fd = lingering.get();
  FrontEnd second([this] { Turn(); });
  second.Connect(options_.path);
  const std::byte byte{};
  second.SendRaw({&byte, 1}, {&fd, 1});
  lingering.PassedOn();
  second.Disconnect();
  for (int i = 0; i < 30; ++i) Turn();  // more than the pause between two that are refused
  EXPECT_EQ(port_->state(), PortState::kUp);
  front_end_.Disconnect();
  ASSERT_TRUE(Reaches(PortState::kWaiting));
  EXPECT_TRUE(Until([&] { return !port_->Describe().reason.empty(); }));
  EXPECT_THAT(port_->Describe().reason, HasSubstr("not closed yet")) << "it is not forgotten";
  lingering.Release();
  front_end_.Connect(options_.path);
  front_end_.Handshake();
  EXPECT_TRUE(Reaches(PortState::kUp));
  EXPECT_EQ(port_->Describe().reason, "");
}

// A refusal starts a pause; the pause of a port that has gone must have gone with it.
TEST_F(VhostPortTest, DeletedRightAfterTwoRefusals) {
  Open();
  for (int i = 0; i < 2; ++i) {
    front_end_.Connect(options_.path);
    front_end_.Handshake();
    ASSERT_TRUE(Reaches(PortState::kUp));
    FrontEnd second([this] { Turn(); });
    second.Connect(options_.path);
    EXPECT_TRUE(second.Closed());
    front_end_.Disconnect();
    ASSERT_TRUE(Reaches(PortState::kWaiting));
  }
  port_.reset();
  for (int i = 0; i < 30; ++i) Turn();
}

TEST_F(VhostPortTest, ABadRingPutsItInErrorUntilItReconnects) {
  Open();
  front_end_.Connect(options_.path);
  front_end_.Handshake();
  ASSERT_TRUE(Reaches(PortState::kUp));
  port_->queue(Direction::kToSwitch)->Fail(RingError::kHeadOutOfRange);
  ASSERT_TRUE(Reaches(PortState::kError));
  EXPECT_THAT(port_->Describe().reason, HasSubstr("ring 1: the available ring names"));
  EXPECT_TRUE(front_end_.Closed());
  EXPECT_EQ(downs_, 1);
  EXPECT_EQ(port_->state(), PortState::kError) << "until somebody connects";

  front_end_.Connect(options_.path);
  front_end_.Handshake();
  EXPECT_TRUE(Reaches(PortState::kUp));
  EXPECT_EQ(port_->Describe().reason, "");
}

TEST_F(VhostPortTest, ATruncatedMemoryFilePutsItInErrorAlone) {
  Open();
  front_end_.Connect(options_.path);
  front_end_.Handshake();
  ASSERT_TRUE(Reaches(PortState::kUp));
  ASSERT_EQ(ftruncate(front_end_.memfd(), 0), 0);
  const RingView* const view = port_->queue(Direction::kToSwitch)->Running();
  ASSERT_NE(view, nullptr);
  EXPECT_EQ((view->available + 2).Load<uint16_t>(), 0);  // a worker's poll
  ASSERT_TRUE(Reaches(PortState::kError));
  EXPECT_THAT(port_->Describe().reason, HasSubstr("memory file"));
}

TEST_F(VhostPortTest, AProtocolErrorIsShown) {
  Open();
  front_end_.Connect(options_.path);
  front_end_.Send(static_cast<Request>(99));
  ASSERT_TRUE(Reaches(PortState::kError));
  EXPECT_EQ(port_->Describe().reason, "request 99 is unknown");
  EXPECT_EQ(ups_, 0);
  EXPECT_EQ(downs_, 1) << "it might have sent";
}

TEST_F(VhostPortTest, AContainerThatOnlySendsIsNeverUpAndItsEndIsTold) {
  Open();
  front_end_.Connect(options_.path);
  front_end_.Negotiate();
  front_end_.SendMemoryTable();
  front_end_.SetUpRing(1);
  front_end_.Enable(1);
  front_end_.Kick(1);
  ASSERT_TRUE(Until([&] { return port_->queue(Direction::kToSwitch)->Running() != nullptr; }));
  EXPECT_EQ(port_->state(), PortState::kConnected);
  EXPECT_EQ(downs_, 0);
  front_end_.Disconnect();
  EXPECT_TRUE(Reaches(PortState::kWaiting));
  EXPECT_EQ(ups_, 0);
  EXPECT_EQ(downs_, 1);
}

TEST_F(VhostPortTest, ConnectsToAContainerThatListensAndReconnects) {
  options_.connects = true;
  Open();
  EXPECT_EQ(ModeAt(directory_ + "/ports/web-1"), 0770U);
  EXPECT_TRUE(Until([this] { return !port_->Describe().reason.empty(); }));
  EXPECT_THAT(port_->Describe().reason, HasSubstr("there is no socket"));
  const absl::StatusOr<UniqueFd> listener = Listen(options_.path, 0600);
  ASSERT_TRUE(listener.ok()) << listener.status();
  for (int i = 0; i < 3; ++i) {
    UniqueFd accepted;
    ASSERT_TRUE(Until([&] {
      accepted = UniqueFd(accept(listener->get(), nullptr, nullptr));
      return accepted.valid();
    })) << i;
    front_end_.Adopt(std::move(accepted));
    front_end_.Handshake();
    ASSERT_TRUE(Reaches(PortState::kUp)) << i;
    front_end_.Disconnect();
    ASSERT_TRUE(Reaches(PortState::kWaiting)) << i;
  }
}

// The directory is the container's: it may not point us at a socket that it could not reach itself.
TEST_F(VhostPortTest, DoesNotFollowALinkToAContainer) {
  const std::string private_path = directory_ + "/private.sock";
  const absl::StatusOr<UniqueFd> listener = Listen(private_path, 0600);
  ASSERT_TRUE(listener.ok()) << listener.status();
  options_.connects = true;
  Open();
  std::filesystem::create_symlink(private_path, options_.path);
  EXPECT_TRUE(Until([&] {
    return port_->Describe().reason.find("a symbolic link") != std::string::npos;
  })) << port_->Describe().reason;
  EXPECT_EQ(accept(listener->get(), nullptr, nullptr), -1) << "the listener does not block";
  EXPECT_EQ(port_->Describe().connections, 0U);
}

TEST_F(VhostPortTest, LeavesNoDescriptorBehind) {
  const size_t before = weft::testing::OpenDescriptors();
  for (int i = 0; i < 5; ++i) {
    Open();
    front_end_.Connect(options_.path);
    front_end_.Handshake();
    ASSERT_TRUE(Reaches(PortState::kUp));
    front_end_.Disconnect();
    port_.reset();
  }
  EXPECT_TRUE(Until([&] { return weft::testing::OpenDescriptors() == before; }));
}

TEST(VhostConfig, HasASocketOfThePortsOwn) {
  const VhostConfig config;
  const auto options = EndpointOf(config, "/run/weft/ports/a/vhost.sock");
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->path, "/run/weft/ports/a/vhost.sock");
  EXPECT_TRUE(options->own_directory);
  EXPECT_EQ(options->rights.mode, 0660U);
}

}  // namespace
}  // namespace weft::vhost
