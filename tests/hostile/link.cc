// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/link.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "core/base/unix_socket.h"

namespace weft::hostile {

using vhost::MessageHeader;
using vhost::Request;

bool Await(const std::function<bool()>& what) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!what()) {
    if (std::chrono::steady_clock::now() > end) return false;
    usleep(200);
  }
  return true;
}

bool Link::Connect(const std::string& path) {
  absl::StatusOr<UniqueFd> socket = weft::Connect(path, kPatience);
  if (!socket.ok()) return false;
  socket_ = *std::move(socket);
  const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
  for (const int which : {SO_SNDTIMEO, SO_RCVTIMEO}) {
    setsockopt(socket_.get(), SOL_SOCKET, which, &patience, sizeof(patience));
  }
  return true;
}

bool Link::Send(Request request, std::span<const std::byte> payload, std::span<const int> fds,
                uint32_t flags, uint32_t size) {
  const MessageHeader header{request, flags, size};
  Payload bytes = PayloadOf(header);
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return SendBytes(bytes, fds);
}

bool SendBytes(int socket, std::span<const std::byte> bytes, std::span<const int> fds) {
  iovec data{const_cast<std::byte*>(bytes.data()), bytes.size()};  // sendmsg only reads it
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(253 * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* const part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(part), fds.data(), fds.size_bytes());
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

std::optional<Payload> Link::Reply(Request request) {
  for (;;) {
    MessageHeader header;
    if (!Read(reinterpret_cast<std::byte*>(&header), sizeof(header))) return std::nullopt;
    if (header.size > vhost::kMaxPayload) return std::nullopt;
    Payload payload(header.size);
    if (!Read(payload.data(), payload.size())) return std::nullopt;
    if (header.request == request) return payload;
  }
}

bool Link::Answers() {
  return Send(Request::kGetQueueNum) && Reply(Request::kGetQueueNum).has_value();
}

bool Link::Closed() {
  std::array<std::byte, 4096> skipped;
  for (;;) {
    const ssize_t got = recv(socket_.get(), skipped.data(), skipped.size(), 0);
    if (got > 0) continue;
    return got == 0 || errno != EAGAIN;  // EAGAIN: our patience is at its end
  }
}

bool Link::Read(std::byte* to, size_t length) {
  while (length > 0) {
    const ssize_t got = recv(socket_.get(), to, length, 0);
    if (got <= 0) return false;
    to += got;
    length -= static_cast<size_t>(got);
  }
  return true;
}

}  // namespace weft::hostile
