// SPDX-License-Identifier: Apache-2.0
// The other end of a memif connection, as a test plays it: message by message, with memory and
// rings of its own. It says what the test wants, right or wrong.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "plugins/memif/channel.h"
#include "tests/plugins/memif/client_memory.h"

namespace weft::memif::testing {

// One end of a socketpair.
class Peer {
 public:
  explicit Peer(UniqueFd socket) : socket_(std::move(socket)) {}
  int socket() const { return socket_.get(); }
  void Close() { socket_.reset(); }

  void Send(const Message& message, std::span<const int> fds = {}) {
    SendBytes({reinterpret_cast<const uint8_t*>(&message), sizeof(message)}, fds);
  }
  void Send(const Message& message, int fd) { Send(message, std::span(&fd, 1)); }
  void SendBytes(std::span<const uint8_t> bytes, std::span<const int> fds = {}) {
    Bytes copy(bytes.begin(), bytes.end());
    iovec data{copy.data(), copy.size()};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(253 * sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    if (!fds.empty()) {
      header.msg_control = control.data();
      header.msg_controllen = CMSG_SPACE(fds.size_bytes());
      cmsghdr* const part = CMSG_FIRSTHDR(&header);
      part->cmsg_level = SOL_SOCKET;
      part->cmsg_type = SCM_RIGHTS;
      part->cmsg_len = CMSG_LEN(fds.size_bytes());
      std::memcpy(CMSG_DATA(part), fds.data(), fds.size_bytes());
    }
    // Weft may have hung up already.
    [[maybe_unused]] const ssize_t sent =
        sendmsg(socket_.get(), &header, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  // The next message that weft has sent; nothing if there is none.
  std::optional<Received> Read() {
    Received received;
    const absl::StatusOr<bool> got = Receive(socket_.get(), received);
    closed_ = closed_ || !got.ok();
    if (!got.ok() || !*got) return std::nullopt;
    return received;
  }
  // Its type; kNone if there is none.
  MessageType ReadType() {
    const std::optional<Received> received = Read();
    return received ? received->message.type : MessageType::kNone;
  }
  bool closed() {
    if (!closed_) Read();
    return closed_;
  }

 private:
  UniqueFd socket_;
  bool closed_ = false;
};

inline Bytes PatternFrame(size_t size, uint32_t seed = 1) {
  Bytes frame(size);
  for (size_t i = 0; i < size; ++i) {
    frame[i] = static_cast<uint8_t>(i * 31 + i / 251 + seed * 17);
  }
  if (size > 12) frame[12] = 0x08;
  return frame;
}

}  // namespace weft::memif::testing
