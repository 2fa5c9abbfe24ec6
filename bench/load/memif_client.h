// SPDX-License-Identifier: Apache-2.0
// The client's side of memif's control channel (libmemif's memif.h, protocol version 2.0): from a
// socket that a switch's net_memif device listens at to a pair of rings that run. Blocking, with a
// deadline for every answer.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "bench/load/memif_ring.h"
#include "bench/load/memory.h"
#include "core/base/unique_fd.h"

namespace weft::load {

class MemifClient {
 public:
  // Interface 0 of the server at `path`; both rings lie in `memory`, which is shared with it. A
  // server with several transmit queues (Open vSwitch has one for each thread) gets the receive
  // ring for `queues` of them; only one may then be in use.
  static absl::StatusOr<MemifClient> Attach(const std::string& path, const Memory& memory,
                                            const MemifRing& receive, const MemifRing& transmit,
                                            uint16_t queues);
  // Has the switch look at its rings, if it sleeps.
  void Kick() const;

 private:
  struct Message;

  absl::Status Connect(const std::string& path);
  absl::Status AddRing(const MemifRing& ring, bool transmits, uint16_t queue);
  // Sends a message, if any, with a descriptor, if any, and waits for the answer.
  absl::Status Ask(const Message* message, int fd, uint16_t answer);

  UniqueFd socket_;
  UniqueFd interrupt_;  // of all rings
};

}  // namespace weft::load
