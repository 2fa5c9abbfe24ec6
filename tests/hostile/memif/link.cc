// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/memif/link.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/base/unix_socket.h"

namespace weft::hostile {

using memif::Message;
using memif::MessageType;

bool MemifLink::Connect(const std::string& path) {
  absl::StatusOr<UniqueFd> socket = absl::UnknownError("");
  // Its queue may be full of those who came before.
  Await([&] {
    socket = ConnectNonBlocking(path, SOCK_SEQPACKET);
    return !absl::IsResourceExhausted(socket.status());
  });
  if (!socket.ok() || fcntl(socket->get(), F_SETFL, 0) != 0) return false;
  Take(*std::move(socket));
  return true;
}

void MemifLink::Take(UniqueFd socket) {
  socket_ = std::move(socket);
  const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
  for (const int which : {SO_SNDTIMEO, SO_RCVTIMEO}) {
    setsockopt(socket_.get(), SOL_SOCKET, which, &patience, sizeof(patience));
  }
}

std::optional<Message> MemifLink::Read() {
  Message message;
  iovec data{&message, sizeof(message)};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  if (recvmsg(socket_.get(), &header, MSG_CMSG_CLOEXEC) != sizeof(message)) return std::nullopt;
  if (const cmsghdr* const part = CMSG_FIRSTHDR(&header); part != nullptr) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(part), sizeof(fd));
    descriptor_ = UniqueFd(fd);
  }
  return message;
}

bool MemifLink::Answers(MessageType type) {
  const std::optional<Message> message = Read();
  return message.has_value() && message->type == type;
}

bool MemifLink::Closed() {
  std::array<std::byte, sizeof(Message)> skipped;
  for (;;) {
    const ssize_t got = recv(socket_.get(), skipped.data(), skipped.size(), 0);
    if (got > 0) continue;
    return got == 0 || errno != EAGAIN;  // EAGAIN: our patience is at its end
  }
}

}  // namespace weft::hostile
