// SPDX-License-Identifier: Apache-2.0
// The liar's end of a memif control channel: messages of any form, as Link is for vhost-user.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "core/base/unique_fd.h"
#include "plugins/memif/protocol.h"
#include "tests/hostile/link.h"

namespace weft::hostile {

class MemifLink {
 public:
  // To a port that listens; waits for its turn.
  bool Connect(const std::string& path);
  // A connection that somebody else has made.
  void Take(UniqueFd socket);
  void Close() { socket_.reset(); }
  int socket() const { return socket_.get(); }

  // False if the other end does not take it.
  bool Send(const memif::Message& message, std::span<const int> fds = {}) {
    return SendBytes(std::as_bytes(std::span(&message, 1)), fds);
  }
  bool Send(const memif::Message& message, int fd) { return Send(message, {&fd, 1}); }
  bool SendBytes(std::span<const std::byte> bytes, std::span<const int> fds = {}) {
    return hostile::SendBytes(socket_.get(), bytes, fds);
  }
  // The next message; nothing once the other end has closed. A descriptor that comes with it is
  // kept until the next one.
  std::optional<memif::Message> Read();
  UniqueFd TakeDescriptor() { return std::move(descriptor_); }
  // Whether the next message is of this type.
  bool Answers(memif::MessageType type);
  // Waits for the other end to close; what it sent before is skipped.
  bool Closed();

 private:
  UniqueFd socket_;
  UniqueFd descriptor_;
};

}  // namespace weft::hostile
