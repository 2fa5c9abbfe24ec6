// SPDX-License-Identifier: Apache-2.0
#include "core/base/inet_address.h"

#include <arpa/inet.h>

#include <cerrno>
#include <charconv>

#include "core/base/text.h"

namespace weft {

std::optional<InetAddress> InetAddress::Parse(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view digits = text.substr(colon + 1);
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;

  std::string_view host = text.substr(0, colon);
  const bool v6 = host.starts_with('[') && host.ends_with(']');
  if (v6) host = host.substr(1, host.size() - 2);
  InetAddress address;
  void* bytes = nullptr;
  if (v6) {
    address.any_.v6.sin6_family = AF_INET6;
    address.any_.v6.sin6_port = htons(port);
    bytes = &address.any_.v6.sin6_addr;
  } else {
    address.any_.v4.sin_family = AF_INET;
    address.any_.v4.sin_port = htons(port);
    bytes = &address.any_.v4.sin_addr;
  }
  if (inet_pton(v6 ? AF_INET6 : AF_INET, std::string(host).c_str(), bytes) != 1)
    return std::nullopt;
  return address;
}

InetAddress InetAddress::OfSocket(int fd) {
  InetAddress address;
  socklen_t size = sizeof(address.any_);
  getsockname(fd, &address.any_.generic, &size);
  return address;
}

std::string InetAddress::ToString() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (any_.generic.sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &any_.v6.sin6_addr, text, sizeof(text));
    return Cat("[", text, "]:", ntohs(any_.v6.sin6_port));
  }
  inet_ntop(AF_INET, &any_.v4.sin_addr, text, sizeof(text));
  return Cat(text, ":", ntohs(any_.v4.sin_port));
}

absl::StatusOr<UniqueFd> ListenTcp(const InetAddress& address) {
  const auto error = [&address] {
    return absl::ErrnoToStatus(errno, Cat("cannot listen at ", address.ToString()));
  };
  UniqueFd fd(socket(address.data()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return error();
  // Connections of a weftd that has just ended linger; they do not keep the next one from it.
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(fd.get(), address.data(), address.size()) != 0) return error();
  if (listen(fd.get(), SOMAXCONN) != 0) return error();
  return fd;
}

}  // namespace weft
