// SPDX-License-Identifier: Apache-2.0
// Whole vhost-user messages from a non-blocking UNIX socket, and replies back. A container writes
// what it likes: one byte at a time, lengths that lie, descriptors that nobody asked for. What does
// not fit its RequestSpec is an error, and every descriptor that came is closed by somebody here.
// Control thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/base/unique_fd.h"
#include "nodes/vhost/protocol.h"

struct msghdr;

namespace weft::vhost {

// What a request must look like.
struct RequestSpec {
  Request request;
  absl::string_view name;
  uint32_t min_size;  // of the payload, in bytes
  uint32_t max_size;
  size_t min_fds;
  size_t max_fds;
};

struct Message {
  MessageHeader header;
  std::array<std::byte, kMaxPayload> payload{};
  std::vector<UniqueFd> fds;

  // The payload as T; bytes that the message did not have are zero.
  template <typename T>
  T As() const {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= kMaxPayload);
    T value;
    std::memcpy(&value, payload.data(), sizeof(T));
    return value;
  }
};

class MessageReader {
 public:
  // The spec of a request, or null if there is no such request.
  using Find = const RequestSpec* (*)(Request request);
  explicit MessageReader(Find find) : find_(find) {}

  // Takes what has arrived, up to the end of one message. Nothing yet: an empty optional. Errors:
  // Cancelled if the other end closed, InvalidArgument for bytes or descriptors that break the
  // protocol; the connection is then of no more use.
  absl::StatusOr<std::optional<Message>> Read(int socket);

  // The descriptors that came with a message which is not whole, or broke the protocol.
  std::vector<UniqueFd> ReleaseDescriptors() { return std::move(message_.fds); }

  // True between the first and the last byte of a message: the deadline runs.
  bool partial() const { return got_ > 0; }

 private:
  absl::Status Receive(int socket, std::byte* to, size_t length);
  absl::Status TakeDescriptors(msghdr& header);
  absl::Status CheckHeader() const;
  absl::Status CheckWhole() const;

  const Find find_;
  size_t got_ = 0;  // bytes of header and payload so far
  Message message_;
};

// Sends a reply in one piece. ResourceExhausted if the container has not read the earlier ones;
// Cancelled if it has gone.
absl::Status SendReplyBytes(int socket, Request request, std::span<const std::byte> payload);

template <typename T>
absl::Status SendReply(int socket, Request request, const T& payload) {
  static_assert(std::is_trivially_copyable_v<T>);
  return SendReplyBytes(socket, request, std::as_bytes(std::span<const T, 1>(&payload, 1)));
}

}  // namespace weft::vhost
