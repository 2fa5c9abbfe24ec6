// SPDX-License-Identifier: Apache-2.0
#include "core/tenant/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/base/unix_socket.h"

namespace weft {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A port whose container listens, or does not, and a clock that is moved by hand.
class ConnectingEndpointTest : public ::testing::Test, public Endpoint::Owner {
 protected:
  ConnectingEndpointTest() : folder_(::testing::TempDir() + "/endpoint-XXXXXX") {
    if (mkdtemp(folder_.data()) == nullptr) std::abort();
    endpoint_ = Endpoint::Make(
        loop_, {.connects = true, .path = folder_ + "/port/vhost.sock", .rights = {}}, *this);
    EXPECT_TRUE(endpoint_->Open().ok());
  }
  ~ConnectingEndpointTest() override { std::filesystem::remove_all(folder_); }

  void OnConnection(UniqueFd socket) override { ++attempts_, connection_ = std::move(socket); }
  bool OnSurplus() override { return true; }
  void OnDiscarded(UniqueFd) override {}
  void OnUnreachable(const absl::Status&) override { ++attempts_; }

  void Listens() {
    absl::StatusOr<UniqueFd> listener = Listen(folder_ + "/port/vhost.sock", 0600);
    ASSERT_TRUE(listener.ok()) << listener.status();
    listener_ = *std::move(listener);
  }

  // The container hangs up, and the port wants it back.
  void HangsUp() {
    connection_ = UniqueFd();
    endpoint_->SetMode(Endpoint::Mode::kTake);
  }

  // How often it tries to connect in so long.
  size_t AttemptsIn(Time time) {
    const size_t before = attempts_;
    for (const Time until = clock_.Now() + time; clock_.Now() < until;) {
      clock_.Advance(milliseconds(1));
      loop_.RunOnce(Time::zero());
    }
    return attempts_ - before;
  }

  std::string folder_;
  SimulatedClock clock_;
  EventLoop loop_{clock_};
  std::unique_ptr<Endpoint> endpoint_;
  UniqueFd listener_;
  UniqueFd connection_;
  size_t attempts_ = 0;
};

TEST_F(ConnectingEndpointTest, TriesAtOnceAndThenFiftyTimesASecond) {
  endpoint_->SetMode(Endpoint::Mode::kTake);
  EXPECT_EQ(AttemptsIn(milliseconds(1)), 1u);
  EXPECT_EQ(AttemptsIn(milliseconds(4)), 2u);
  AttemptsIn(seconds(1));
  EXPECT_EQ(AttemptsIn(seconds(2)), 100u);
}

TEST_F(ConnectingEndpointTest, FindsAContainerSoonThatComesBackAtOnce) {
  Listens();
  endpoint_->SetMode(Endpoint::Mode::kTake);
  AttemptsIn(milliseconds(1));
  ASSERT_TRUE(connection_.valid());
  AttemptsIn(seconds(1));
  HangsUp();
  EXPECT_EQ(AttemptsIn(milliseconds(1)), 0u) << "not at once";
  AttemptsIn(milliseconds(1));
  EXPECT_TRUE(connection_.valid());
}

TEST_F(ConnectingEndpointTest, AContainerThatAlwaysHangsUpCostsNoMoreThanOneThatNeverComes) {
  Listens();
  endpoint_->SetMode(Endpoint::Mode::kTake);
  const auto attempts = [&](Time time) {
    size_t count = 0;
    for (const Time until = clock_.Now() + time; clock_.Now() < until;) {
      count += AttemptsIn(milliseconds(1));
      if (connection_.valid()) HangsUp();
      while (UniqueFd(accept(listener_.get(), nullptr, nullptr)).valid()) {
      }
    }
    return count;
  };
  attempts(seconds(1));
  EXPECT_EQ(attempts(seconds(2)), 100u);
}

}  // namespace
}  // namespace weft
