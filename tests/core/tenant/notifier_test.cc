// SPDX-License-Identifier: Apache-2.0
#include "core/tenant/notifier.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <thread>
#include <vector>

#include "tests/support/descriptors.h"

namespace weft {
namespace {

constexpr PortId kPort(0);
constexpr PortId kOther(kMaxPorts - 1);

// The container's end of a call eventfd, and the switch's.
struct Call {
  UniqueFd container{eventfd(0, EFD_CLOEXEC)};
  UniqueFd ours{dup(container.get())};
};

bool WaitFor(int fd) {
  pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&wait, 1, 10'000) == 1;
}

template <typename Condition>
bool Eventually(const Condition& condition) {
  for (int i = 0; i < 10'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

TEST(Notifier, InterruptsWhoIsAskedFor) {
  Notifier notifier;
  std::vector<Call> calls(3);
  std::vector<std::shared_ptr<const CallLease>> leases;
  for (Call& call : calls) {
    auto lease = notifier.Register(kPort, std::move(call.ours));
    ASSERT_TRUE(lease.ok()) << lease.status();
    leases.push_back(*lease);
  }
  notifier.Notify(leases[0]->handle());
  notifier.Notify(leases[2]->handle());
  EXPECT_TRUE(WaitFor(calls[0].container.get()));
  EXPECT_TRUE(WaitFor(calls[2].container.get()));
  eventfd_t count = 0;
  EXPECT_EQ(eventfd_read(calls[0].container.get(), &count), 0);
  EXPECT_EQ(count, 1U);
  // Nothing was lost and nothing was invented: the one in the middle was never asked for.
  pollfd other{.fd = calls[1].container.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&other, 1, 0), 0);
  EXPECT_TRUE(Eventually([&] { return notifier.writes() == 2; }));
}

TEST(Notifier, NoRequestIsLostWhenTheThreadFallsAsleep) {
  Notifier notifier;
  Call call;
  const auto lease = notifier.Register(kPort, std::move(call.ours));
  ASSERT_TRUE(lease.ok());
  for (int i = 0; i < 2'000; ++i) {
    notifier.Notify((*lease)->handle());
    eventfd_t count = 0;
    ASSERT_TRUE(WaitFor(call.container.get())) << i;
    ASSERT_EQ(eventfd_read(call.container.get(), &count), 0);
    ASSERT_EQ(count, 1U);
  }
  EXPECT_TRUE(Eventually([&] { return notifier.writes() == 2'000; }));
}

TEST(Notifier, AWriteThatBlocksIsInterruptedAndNotRepeated) {
  Notifier notifier;
  Call hostile;
  Call victim;
  // The counter is as high as it goes: the next write waits for a read that never comes.
  ASSERT_EQ(eventfd_write(hostile.container.get(), 0xffff'ffff'ffff'fffe), 0);
  const auto bad = notifier.Register(kPort, std::move(hostile.ours));
  const auto good = notifier.Register(kOther, std::move(victim.ours));
  ASSERT_TRUE(bad.ok() && good.ok());
  notifier.Notify((*bad)->handle());
  notifier.Notify((*good)->handle());
  EXPECT_TRUE(WaitFor(victim.container.get())) << "the others are served";
  EXPECT_TRUE(Eventually([&] { return (*bad)->blocked(); }));
  EXPECT_FALSE((*good)->blocked());
  EXPECT_TRUE(Eventually([&] { return notifier.blocked(kPort); }));
  EXPECT_FALSE(notifier.blocked(kOther));
  eventfd_t count = 0;
  ASSERT_EQ(eventfd_read(victim.container.get(), &count), 0);
  notifier.Notify((*bad)->handle());
  notifier.Notify((*good)->handle());
  EXPECT_TRUE(WaitFor(victim.container.get()));
  EXPECT_TRUE(Eventually([&] { return notifier.writes() == 2; }));
}

TEST(Notifier, AFullCounterOfANonBlockingEventfdIsNoError) {
  Notifier notifier;
  Call call;
  ASSERT_EQ(fcntl(call.container.get(), F_SETFL, O_NONBLOCK), 0);
  ASSERT_EQ(eventfd_write(call.container.get(), 0xffff'ffff'ffff'fffe), 0);
  Call second;
  const auto full = notifier.Register(kPort, std::move(call.ours));
  const auto other = notifier.Register(kOther, std::move(second.ours));
  ASSERT_TRUE(full.ok() && other.ok());
  notifier.Notify((*full)->handle());
  notifier.Notify((*other)->handle());
  EXPECT_TRUE(WaitFor(second.container.get()));
  EXPECT_FALSE((*full)->blocked());
}

TEST(Notifier, TakesNothingButEventfds) {
  Notifier notifier;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_FALSE(notifier.Register(kPort, UniqueFd(ends[0])).ok());
  EXPECT_FALSE(notifier.Register(kPort, UniqueFd(ends[1])).ok());
  EXPECT_FALSE(notifier.Register(kPort, UniqueFd(open("/dev/null", O_RDWR))).ok());
  EXPECT_FALSE(notifier.Register(kPort, UniqueFd()).ok());
}

TEST(Notifier, NoPortCanUseUpTheSlotsOfAnother) {
  Notifier notifier;
  std::vector<std::shared_ptr<const CallLease>> leases;
  for (size_t i = 0; i < Notifier::kSlotsPerPort; ++i) {
    auto lease = notifier.Register(kPort, UniqueFd(eventfd(0, EFD_CLOEXEC)));
    ASSERT_TRUE(lease.ok());
    leases.push_back(*std::move(lease));
  }
  EXPECT_FALSE(notifier.Register(kPort, UniqueFd(eventfd(0, EFD_CLOEXEC))).ok());
  EXPECT_TRUE(notifier.Register(kOther, UniqueFd(eventfd(0, EFD_CLOEXEC))).ok());
  EXPECT_TRUE(notifier.Register(PortId(1), UniqueFd(eventfd(0, EFD_CLOEXEC))).ok());
}

TEST(Notifier, ClosesWhatItIsGivenAndReusesSlots) {
  Notifier notifier;
  const size_t before = weft::testing::OpenDescriptors();
  for (int round = 0; round < 3; ++round) {
    std::vector<std::shared_ptr<const CallLease>> leases;
    for (uint16_t i = 0; i < 100; ++i) {
      auto lease = notifier.Register(PortId(i), UniqueFd(eventfd(0, EFD_CLOEXEC)));
      ASSERT_TRUE(lease.ok());
      notifier.Notify((*lease)->handle());
      leases.push_back(*std::move(lease));
    }
    leases.clear();
    EXPECT_TRUE(Eventually([&] { return weft::testing::OpenDescriptors() == before; }));
  }
}

}  // namespace
}  // namespace weft
