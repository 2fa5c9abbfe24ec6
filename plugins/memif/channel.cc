// SPDX-License-Identifier: Apache-2.0
#include "plugins/memif/channel.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace weft::memif {
namespace {

// As many descriptors as Linux lets come at once (SCM_MAX_FD). The kernel would close what finds no
// room, in our thread; see core/tenant/closing.h for why that must not be.
constexpr size_t kRoom = 253;

absl::Status Gone() { return absl::CancelledError("the peer closed the connection"); }

absl::Status Wrong(const std::string& what) { return absl::InvalidArgumentError(what); }

void TakeDescriptors(msghdr& header, std::vector<UniqueFd>& fds) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      fds.emplace_back(fd);
    }
  }
}

// How many descriptors a message of this type has; nothing if there is no such type.
std::optional<size_t> DescriptorsOf(MessageType type) {
  switch (type) {
    case MessageType::kAddRegion:
    case MessageType::kAddRing:
      return 1;
    case MessageType::kAck:
    case MessageType::kHello:
    case MessageType::kInit:
    case MessageType::kConnect:
    case MessageType::kConnected:
    case MessageType::kDisconnect:
      return 0;
    case MessageType::kNone:
      break;
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<bool> Receive(int socket, Received& into) {
  into.fds.clear();
  iovec data{&into.message, sizeof(into.message)};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kRoom * sizeof(int))> control;
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t got = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0) {
    if (errno == EAGAIN) return false;
    return Gone();
  }
  // First own all of them, then judge.
  TakeDescriptors(header, into.fds);
  if (got == 0 && into.fds.empty()) return Gone();
  if (got != sizeof(into.message) || (header.msg_flags & MSG_TRUNC) != 0) {
    return Wrong("a message has not the 128 bytes that every message has");
  }
  const std::optional<size_t> wanted = DescriptorsOf(into.message.type);
  if (!wanted) {
    return Wrong(
        Cat("a message of type ", static_cast<uint16_t>(into.message.type), ", which is unknown"));
  }
  if (into.fds.size() != *wanted || (header.msg_flags & MSG_CTRUNC) != 0) {
    return Wrong(Cat("a message of type ", static_cast<uint16_t>(into.message.type), " came with ",
                     into.fds.size(), " descriptors instead of ", *wanted));
  }
  return true;
}

absl::Status Send(int socket, const Message& message, int fd) {
  Message bytes = message;
  iovec data{&bytes, sizeof(bytes)};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  if (fd >= 0) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* const part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(part), &fd, sizeof(int));
  }
  const ssize_t sent = sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent == sizeof(bytes)) return absl::OkStatus();
  if (sent < 0 && errno != EAGAIN) return Gone();
  return absl::ResourceExhaustedError("the peer does not read its messages");
}

}  // namespace weft::memif
