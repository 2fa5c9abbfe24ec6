// SPDX-License-Identifier: Apache-2.0
// Messages of the control channel, one packet of a SOCK_SEQPACKET socket each. A peer writes what
// it likes: other lengths, descriptors that nobody asked for. What is not exactly a message is an
// error, and every descriptor that came is with whoever asked. Control thread.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/sdk/tenant.h"
#include "plugins/memif/protocol.h"

namespace weft::memif {

struct Received {
  Message message;
  std::vector<UniqueFd> fds;
};

// Takes one message. False: there is none yet. Errors: Cancelled if the other end has closed,
// InvalidArgument for what breaks the protocol; `into.fds` has in any case what came.
absl::StatusOr<bool> Receive(int socket, Received& into);

// Sends one, with a descriptor if `fd` is one. ResourceExhausted if the peer does not read;
// Cancelled if it has gone.
absl::Status Send(int socket, const Message& message, int fd);
inline absl::Status Send(int socket, const Message& message) { return Send(socket, message, -1); }

}  // namespace weft::memif
