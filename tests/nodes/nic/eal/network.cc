// SPDX-License-Identifier: Apache-2.0
#include "tests/nodes/nic/eal/network.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "core/base/text.h"

namespace weft::nic {

OwnNetwork::OwnNetwork()
    : network_(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)),
      mounts_(open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC)),
      directory_(open(".", O_RDONLY | O_CLOEXEC | O_DIRECTORY)) {
  if (network_.get() < 0 || mounts_.get() < 0 || unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) return;
  // sysfs shows the network of whoever mounted it.
  ok_ = mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
        mount("weft-test", "/sys", "sysfs", 0, nullptr) == 0;
  // The kernel has nothing of its own to say then.
  std::ofstream("/proc/sys/net/ipv6/conf/default/disable_ipv6") << 1;
}

OwnNetwork::~OwnNetwork() {
  if (network_.get() < 0 || mounts_.get() < 0) return;
  setns(network_.get(), CLONE_NEWNET);
  setns(mounts_.get(), CLONE_NEWNS);
  EXPECT_EQ(fchdir(directory_.get()), 0);
}

void OwnNetwork::Ip(std::string_view arguments) {
  const std::string command = Cat("ip ", arguments);
  ASSERT_EQ(std::system(command.c_str()), 0)
      << command;  // NOLINT(cert-env33-c): a test's own words
}

void OwnNetwork::AddPair(std::string_view one, std::string_view other) {
  Ip(Cat("link add ", one, " type veth peer name ", other));
  for (const std::string_view end : {one, other}) {
    Ip(Cat("link set ", end, " up"));
  }
}

}  // namespace weft::nic
