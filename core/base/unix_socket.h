// SPDX-License-Identifier: Apache-2.0
// UNIX sockets by path: the control socket and the sockets of the ports; streams, or of another
// type (SOCK_SEQPACKET). Nothing is unlinked that is not a dead socket of our own. Called on the
// control thread and by weftctl; none of these calls waits, except Connect on a listener whose
// queue is full (at most `patience`).
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/clock.h"
#include "core/base/unique_fd.h"

namespace weft {

// The longest path of a UNIX socket: sockaddr_un holds 108 bytes with the final zero.
inline constexpr size_t kMaxSocketPath = 107;

// Who is at the other end of a UNIX socket, as the kernel saw it when that end connected or
// listened.
struct PeerCredentials {
  pid_t pid;  // 0 if the peer lives in a process namespace that we do not see
  uid_t uid;
  gid_t gid;
};

// InvalidArgument if `path` cannot be the address of a socket (empty, too long, a zero byte in it).
absl::Status CheckSocketPath(std::string_view path);

// A non-blocking listening socket at `path` with permission bits `mode`, whatever the umask is. A
// dead socket of our own user at that path is replaced. Everything else that is there stays, and
// the error says what it is and whose: AlreadyExists (somebody answers on it, or it is another kind
// of file), PermissionDenied (another user's), InvalidArgument (the path), else what the system
// said.
absl::StatusOr<UniqueFd> Listen(const std::string& path, mode_t mode, int type = SOCK_STREAM);

// A blocking socket connected to `path`. NotFound: nothing is there. Unavailable: nobody listens.
// ResourceExhausted: the listener's queue stayed full for `patience`. PermissionDenied: we may not.
absl::StatusOr<UniqueFd> Connect(const std::string& path, Time patience = std::chrono::seconds(5));
// The same, never waiting; the socket is non-blocking.
absl::StatusOr<UniqueFd> ConnectNonBlocking(const std::string& path, int type = SOCK_STREAM);

// The credentials of the other end of a connected socket.
absl::StatusOr<PeerCredentials> PeerOf(int fd);

}  // namespace weft
