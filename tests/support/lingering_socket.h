// SPDX-License-Identifier: Apache-2.0
// A TCP socket whose last close waits: it lingers (for longer than any test) over bytes that its
// peer does not take. A tenant can make one without any right, and pass it on.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>

#include "core/base/unique_fd.h"

namespace weft::testing {

class LingeringSocket {
 public:
  LingeringSocket() {
    UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener.get(), generic, size) != 0 || listen(listener.get(), 1) != 0 ||
        getsockname(listener.get(), generic, &size) != 0) {
      std::abort();
    }
    socket_ = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(socket_.get(), generic, size) != 0) std::abort();
    peer_ = UniqueFd(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    constexpr std::array<char, 1 << 16> kBytes{};
    while (send(socket_.get(), kBytes.data(), kBytes.size(), MSG_DONTWAIT) > 0) {
    }
    const linger wait{.l_onoff = 1, .l_linger = 1'000'000};
    setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &wait, sizeof(wait));
  }
  ~LingeringSocket() { Release(); }
  LingeringSocket(const LingeringSocket&) = delete;
  LingeringSocket& operator=(const LingeringSocket&) = delete;

  int get() const { return socket_.get(); }
  // Gives up our own reference; somebody else must still have one.
  void PassedOn() { socket_.reset(); }
  // Whoever waits need not wait any longer.
  void Release() { peer_.reset(); }

 private:
  UniqueFd socket_;
  UniqueFd peer_;  // goes first
};

}  // namespace weft::testing
