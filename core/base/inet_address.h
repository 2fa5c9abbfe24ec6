// SPDX-License-Identifier: Apache-2.0
// An IP address with a TCP port, "127.0.0.1:9464" or "[::1]:9464". No names: looking one up would
// wait for somebody else. Control thread.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/base/unique_fd.h"

namespace weft {

class InetAddress {
 public:
  // Nothing if it is not written like one of those above. Port 0 stands for any free one.
  static std::optional<InetAddress> Parse(std::string_view text);
  // What a socket is bound to.
  static InetAddress OfSocket(int fd);

  std::string ToString() const;

  // For the sockets API.
  const sockaddr* data() const { return &any_.generic; }
  socklen_t size() const {
    return any_.generic.sa_family == AF_INET6 ? sizeof(any_.v6) : sizeof(any_.v4);
  }

 private:
  union Any {
    sockaddr generic;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };

  Any any_{};
};

// A non-blocking socket that listens at `address`. The error says what the system said.
absl::StatusOr<UniqueFd> ListenTcp(const InetAddress& address);

}  // namespace weft
