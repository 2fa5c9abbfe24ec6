// SPDX-License-Identifier: Apache-2.0
// A packet socket of the kernel's on an interface: the other end of what a NIC's port sends.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include <string>

#include "core/base/unique_fd.h"
#include "tests/support/frames.h"

namespace weft::nic {

using weft::testing::Bytes;

class PacketSocket {
 public:
  explicit PacketSocket(const std::string& interface)
      : fd_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL))) {
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  void Send(const Bytes& frame) {
    EXPECT_EQ(send(fd_.get(), frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size()));
  }
  // The next frame of this EtherType that the kernel received; empty if there is none in time.
  Bytes Receive(uint16_t type) {
    for (;;) {
      pollfd waiting{.fd = fd_.get(), .events = POLLIN, .revents = 0};
      if (poll(&waiting, 1, 5000) != 1) return {};
      Bytes frame(10'000);
      sockaddr_ll from{};
      socklen_t from_size = sizeof(from);
      const ssize_t got = recvfrom(fd_.get(), frame.data(), frame.size(), 0,
                                   reinterpret_cast<sockaddr*>(&from), &from_size);
      if (got < 14) return {};
      frame.resize(static_cast<size_t>(got));
      if (from.sll_pkttype != PACKET_OUTGOING && frame[12] == type >> 8 &&
          frame[13] == (type & 0xff)) {
        return frame;
      }
    }
  }

 private:
  UniqueFd fd_;
};

}  // namespace weft::nic
