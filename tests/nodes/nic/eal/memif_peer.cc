// SPDX-License-Identifier: Apache-2.0
#include "tests/nodes/nic/eal/memif_peer.h"

#include <gtest/gtest.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>

#include "core/base/text.h"
#include "nodes/nic/eth_device.h"

namespace weft::nic {

MemifPeer::MemifPeer(const std::string& socket) {
  std::string program = "/proc/self/exe";
  std::string flag = kMemifPeerFlag;
  std::string path = socket;
  std::array<char*, 4> arguments = {program.data(), flag.data(), path.data(), nullptr};
  EXPECT_EQ(posix_spawn(&pid_, program.c_str(), nullptr, nullptr, arguments.data(), environ), 0);
}

MemifPeer::~MemifPeer() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

int RunMemifPeer(const std::string& socket) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const absl::StatusOr<Device> device =
      Device::Parse(Cat("net_memif0,role=client,id=5,socket-abstract=no,socket=", socket));
  const auto opened = EthDevice::Open(*device, {.mtu = 9000}, std::make_shared<MbufPools>());
  if (!opened.ok()) {
    std::fprintf(stderr, "memif peer: %s\n", MessageOf(opened.status()).c_str());
    return 1;
  }
  const uint16_t number = (*opened)->number();
  for (;;) {
    std::array<rte_mbuf*, 64> mbufs;
    const uint16_t got = rte_eth_rx_burst(number, 0, mbufs.data(), mbufs.size());
    const uint16_t sent = rte_eth_tx_burst(number, 0, mbufs.data(), got);
    rte_pktmbuf_free_bulk(mbufs.data() + sent, got - sent);
    if (got == 0) usleep(100);
  }
}

}  // namespace weft::nic
