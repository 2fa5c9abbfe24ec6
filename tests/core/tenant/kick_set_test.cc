// SPDX-License-Identifier: Apache-2.0
#include "core/tenant/kick_set.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <memory>
#include <utility>
#include <vector>

namespace weft {
namespace {

class KickSetTest : public ::testing::Test {
 protected:
  // What weft holds of a container's eventfd, and what the container holds.
  struct Kick {
    std::shared_ptr<const UniqueFd> ours;
    UniqueFd theirs;
  };
  Kick Add(uint64_t count = 0) {
    UniqueFd theirs(eventfd(static_cast<unsigned>(count), EFD_NONBLOCK | EFD_CLOEXEC));
    auto ours = KickSet::Watched(set_, UniqueFd(dup(theirs.get())));
    EXPECT_TRUE(ours.ok());
    return {*std::move(ours), std::move(theirs)};
  }
  bool Readable() const {
    pollfd poll_fd{.fd = set_->fd(), .events = POLLIN, .revents = 0};
    return poll(&poll_fd, 1, 0) == 1;
  }

  const std::shared_ptr<const KickSet> set_ = std::make_shared<const KickSet>();
};

TEST_F(KickSetTest, EachKickWakesOnceAndNobodyReadsIt) {
  const Kick one = Add();
  const Kick other = Add();
  EXPECT_FALSE(Readable());
  for (uint64_t i = 1; i <= 3; ++i) {
    eventfd_write(one.theirs.get(), 1);
    EXPECT_TRUE(Readable());
    set_->Drain();
    EXPECT_FALSE(Readable());
  }
  eventfd_write(other.theirs.get(), 1);
  EXPECT_TRUE(Readable());
  uint64_t kicks = 0;
  EXPECT_EQ(eventfd_read(one.theirs.get(), &kicks), 0);
  EXPECT_EQ(kicks, 3U) << "all of them are still there";
}

TEST_F(KickSetTest, KicksFromBeforeWakeToo) {
  const Kick kick = Add(1);
  EXPECT_TRUE(Readable());
}

TEST_F(KickSetTest, MoreThanOneDrainTakes) {
  std::vector<Kick> kicks;
  for (int i = 0; i < 200; ++i) kicks.push_back(Add(1));
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(Readable()) << "what is left wakes again";
    set_->Drain();
  }
  EXPECT_FALSE(Readable());
}

TEST_F(KickSetTest, WhoIsGoneWakesNobody) {
  Kick kick = Add();
  const int number = kick.ours->get();
  std::shared_ptr<const UniqueFd> copy = kick.ours;
  kick.ours.reset();
  eventfd_write(kick.theirs.get(), 1);
  EXPECT_TRUE(Readable()) << "somebody still has it";
  set_->Drain();
  copy.reset();
  EXPECT_EQ(fcntl(number, F_GETFD), -1) << "it is closed";
  eventfd_write(kick.theirs.get(), 1);
  EXPECT_FALSE(Readable());
}

TEST_F(KickSetTest, TakesNothingThatCannotBeWatched) {
  char name[] = "/tmp/weft-kick-XXXXXX";
  UniqueFd file(mkstemp(name));
  unlink(name);
  EXPECT_FALSE(KickSet::Watched(set_, std::move(file)).ok());
}

}  // namespace
}  // namespace weft
