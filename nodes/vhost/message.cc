// SPDX-License-Identifier: Apache-2.0
#include "nodes/vhost/message.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weft::vhost {
namespace {

constexpr size_t kHeaderSize = sizeof(MessageHeader);
// As many as Linux lets come at once (SCM_MAX_FD). The kernel would close what finds no room, in
// our thread; see closing.h for why that must not be.
constexpr size_t kRoom = 253;

absl::Status Gone() { return absl::CancelledError("the container closed the connection"); }

}  // namespace

absl::Status MessageReader::TakeDescriptors(msghdr& header) {
  // First own all of them, then judge.
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      message_.fds.emplace_back(fd);
    }
  }
  if ((header.msg_flags & MSG_CTRUNC) != 0 || message_.fds.size() > kMaxDescriptors) {
    return absl::InvalidArgumentError(
        absl::StrCat("a message came with more than ", kMaxDescriptors,
                     " descriptors (a memory table of so many regions? A DPDK application with "
                     "huge pages needs --single-file-segments)"));
  }
  return absl::OkStatus();
}

// Receives at most `length` bytes and counts them in got_. Unavailable: there is nothing to read.
absl::Status MessageReader::Receive(int socket, std::byte* to, size_t length) {
  iovec data{to, length};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kRoom * sizeof(int))> control;
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t got = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0) {
    if (errno == EAGAIN) return absl::UnavailableError("nothing to read");
    return Gone();
  }
  if (absl::Status status = TakeDescriptors(header); !status.ok()) return status;
  if (got == 0) return Gone();
  got_ += static_cast<size_t>(got);
  return absl::OkStatus();
}

absl::Status MessageReader::CheckHeader() const {
  const MessageHeader& header = message_.header;
  const RequestSpec* spec = find_(header.request);
  if (spec == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("request ", static_cast<uint32_t>(header.request), " is unknown"));
  }
  if ((header.flags & ~kNeedReplyFlag) != kVersion) {
    return absl::InvalidArgumentError(
        absl::StrCat(spec->name, " has flags ", header.flags, ", which are not version 1"));
  }
  if (header.size < spec->min_size || header.size > spec->max_size) {
    return absl::InvalidArgumentError(absl::StrCat(
        spec->name, " has ", header.size, " bytes instead of ",
        spec->min_size == spec->max_size ? absl::StrCat(spec->min_size)
                                         : absl::StrCat(spec->min_size, " to ", spec->max_size)));
  }
  return absl::OkStatus();
}

absl::Status MessageReader::CheckWhole() const {
  const RequestSpec& spec = *find_(message_.header.request);
  if (message_.fds.size() < spec.min_fds || message_.fds.size() > spec.max_fds) {
    return absl::InvalidArgumentError(
        absl::StrCat(spec.name, " came with ", message_.fds.size(), " descriptors"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Message>> MessageReader::Read(int socket) {
  while (true) {
    absl::Status status;
    if (got_ < kHeaderSize) {
      auto* const header = reinterpret_cast<std::byte*>(&message_.header);
      status = Receive(socket, header + got_, kHeaderSize - got_);
      if (status.ok() && got_ == kHeaderSize) status = CheckHeader();
    } else if (got_ < kHeaderSize + message_.header.size) {
      const size_t have = got_ - kHeaderSize;
      status = Receive(socket, message_.payload.data() + have, message_.header.size - have);
    }
    if (absl::IsUnavailable(status)) return std::optional<Message>();
    if (!status.ok()) return status;
    if (got_ >= kHeaderSize && got_ == kHeaderSize + message_.header.size) break;
  }
  if (absl::Status status = CheckWhole(); !status.ok()) return status;
  got_ = 0;
  return std::optional<Message>(std::exchange(message_, Message()));
}

absl::Status SendReplyBytes(int socket, Request request, std::span<const std::byte> payload) {
  MessageHeader header{request, kVersion | kReplyFlag, static_cast<uint32_t>(payload.size())};
  std::array<iovec, 2> parts{
      iovec{&header, sizeof(header)},
      iovec{const_cast<std::byte*>(payload.data()), payload.size()}};  // sendmsg only reads it
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  const ssize_t sent = sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent == static_cast<ssize_t>(sizeof(header) + payload.size())) return absl::OkStatus();
  if (sent < 0 && errno != EAGAIN) return Gone();
  return absl::ResourceExhaustedError("the container does not read its replies");
}

}  // namespace weft::vhost
