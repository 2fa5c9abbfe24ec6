// SPDX-License-Identifier: Apache-2.0
// The front-end's side of vhost-user: one connection, one queue pair, from the socket to running
// rings. Blocking, with a deadline for every reply.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/load/memory.h"
#include "core/base/unique_fd.h"
#include "nodes/vhost/protocol.h"

namespace weft::load {

// Where a ring lies, in our own addresses. Index 0 is the one that the container receives on.
struct RingPlace {
  uint16_t size = 0;
  uint32_t base = 0;  // where both sides begin, as SET_VRING_BASE says it
  uint8_t* descriptors = nullptr;
  uint8_t* available = nullptr;  // packed: the driver's event suppression
  uint8_t* used = nullptr;       // packed: the device's
};

class FrontEnd {
 public:
  // Connects to the switch that listens at `path` (listen: waits there for a switch to connect, at
  // most 10 s) and has it run both rings with exactly `features`, besides VERSION_1.
  static absl::StatusOr<FrontEnd> Attach(const std::string& path, bool listen, uint64_t features,
                                         const Memory& memory,
                                         const std::array<RingPlace, 2>& rings);

  // Has the switch look at a ring, if it sleeps.
  void Kick(uint32_t ring) const;

 private:
  FrontEnd() = default;
  absl::Status Negotiate(uint64_t features);
  absl::Status ShareMemory(const Memory& memory);
  absl::Status SetUpRing(uint32_t index, const RingPlace& place);
  absl::Status SendBytes(vhost::Request request, std::span<const std::byte> payload = {},
                         std::span<const int> fds = {}, uint32_t flags = 0);
  template <typename T>
  absl::Status Send(vhost::Request request, const T& payload, std::span<const int> fds = {}) {
    return SendBytes(request, std::as_bytes(std::span<const T, 1>(&payload, 1)), fds);
  }
  absl::StatusOr<uint64_t> Ask(vhost::Request request);
  absl::StatusOr<uint64_t> ReadNumber();

  UniqueFd socket_;
  uint64_t protocol_features_ = 0;
  std::array<UniqueFd, 2> kick_;
  std::array<UniqueFd, 2> call_;
};

}  // namespace weft::load
