// SPDX-License-Identifier: Apache-2.0
// The liar's end of a vhost-user socket. It sends messages of any form, and what it sends may be
// the last that the connection carries: nothing here takes a lost connection for an error of its
// own. Whatever waits has an end, which only guards against hanging.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/unique_fd.h"
#include "nodes/vhost/protocol.h"

namespace weft::hostile {

inline constexpr std::chrono::seconds kPatience(30);  // a guard against hanging

// True once `what` is, false if that never happens.
bool Await(const std::function<bool()>& what);

// Sends all of it at once, descriptors with it. False if the other end does not take it.
bool SendBytes(int socket, std::span<const std::byte> bytes, std::span<const int> fds);

using Payload = std::vector<std::byte>;
template <typename T>
Payload PayloadOf(const T& value) {
  const auto bytes = std::as_bytes(std::span<const T, 1>(&value, 1));
  return Payload(bytes.begin(), bytes.end());
}

class Link {
 public:
  bool Connect(const std::string& path);
  void Close() { socket_.reset(); }
  int socket() const { return socket_.get(); }

  // False if the other end does not take it. `size` is what the header says of the payload.
  bool Send(vhost::Request request, std::span<const std::byte> payload, std::span<const int> fds,
            uint32_t flags, uint32_t size);
  bool Send(vhost::Request request, std::span<const std::byte> payload = {},
            std::span<const int> fds = {}) {
    return Send(request, payload, fds, vhost::kVersion, static_cast<uint32_t>(payload.size()));
  }
  bool SendBytes(std::span<const std::byte> bytes, std::span<const int> fds = {}) {
    return hostile::SendBytes(socket_.get(), bytes, fds);
  }
  // The payload of the next reply to `request`; others are skipped. Nothing once the other end has
  // closed.
  std::optional<Payload> Reply(vhost::Request request);
  // Whether the switch still answers; then it has handled all that was sent.
  bool Answers();
  // Waits for the other end to close; what it sent before is skipped.
  bool Closed();

 private:
  bool Read(std::byte* to, size_t length);

  UniqueFd socket_;
};

}  // namespace weft::hostile
