// SPDX-License-Identifier: Apache-2.0
#include "core/base/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace weft {
namespace {

constexpr int kBacklog = 64;

// The path as it may stand in a message: a tenant can choose it.
std::string Named(std::string_view path) {
  return absl::StrCat("\"", absl::CHexEscape(std::string(path)), "\"");
}

absl::Status SystemError(int error, std::string_view what, std::string_view path) {
  return absl::ErrnoToStatus(error, absl::StrFormat("cannot %s %s", what, Named(path)));
}

// `path` was checked by CheckSocketPath.
sockaddr_un AddressOf(std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// The sockets API takes every address as a sockaddr.
const sockaddr* Generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

std::string_view KindOf(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return "a directory";
    case S_IFLNK:
      return "a symbolic link";
    case S_IFREG:
      return "a regular file";
    case S_IFSOCK:
      return "a socket";
    default:
      return "a special file";
  }
}

absl::StatusOr<UniqueFd> OpenSocket(int type) {
  UniqueFd fd(socket(AF_UNIX, SOCK_CLOEXEC | type, 0));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "cannot open a UNIX socket");
  return fd;
}

absl::Status ConnectError(int error, const std::string& path) {
  switch (error) {
    case ENOENT:
      return absl::NotFoundError(absl::StrCat("there is no socket at ", Named(path)));
    case ECONNREFUSED:
      return absl::UnavailableError(absl::StrCat("nobody listens at ", Named(path)));
    case EAGAIN:
      return absl::ResourceExhaustedError(
          absl::StrCat("the listener at ", Named(path), " does not accept connections"));
    default:
      return SystemError(error, "connect to", path);
  }
}

// `path` is what messages say; `address` is where it is.
absl::StatusOr<UniqueFd> ConnectWith(const std::string& path, const sockaddr_un& address, int type,
                                     Time patience) {
  absl::StatusOr<UniqueFd> fd = OpenSocket(type);
  if (!fd.ok()) return fd.status();
  // A full accept queue makes a blocking connect wait for at most the send timeout.
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience);
  const auto rest = std::chrono::duration_cast<std::chrono::microseconds>(patience - seconds);
  const timeval timeout{.tv_sec = seconds.count(), .tv_usec = rest.count()};
  setsockopt(fd->get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
  while (connect(fd->get(), Generic(address), sizeof(address)) != 0) {
    if (errno != EINTR) return ConnectError(errno, path);
  }
  const timeval never{};
  setsockopt(fd->get(), SOL_SOCKET, SO_SNDTIMEO, &never, sizeof(never));
  return fd;
}

// Makes room at `path`: ok if nothing is there or what was there was a dead socket of ours.
absl::Status RemoveStale(const std::string& path, int type) {
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0) {
    return errno == ENOENT ? absl::OkStatus() : SystemError(errno, "look at", path);
  }
  const std::string owned = absl::StrFormat("%s of uid %d", KindOf(found.st_mode), found.st_uid);
  if (!S_ISSOCK(found.st_mode)) {
    return absl::AlreadyExistsError(absl::StrCat("cannot listen at ", Named(path), ": it is ",
                                                 owned, "; choose another path or move it away"));
  }
  if (found.st_uid != geteuid()) {
    return absl::PermissionDeniedError(absl::StrCat("cannot listen at ", Named(path), ": it is ",
                                                    owned, ", and we are uid ", geteuid(),
                                                    "; its owner has to remove it"));
  }
  absl::StatusOr<UniqueFd> probe = ConnectNonBlocking(path, type);
  if (probe.ok()) {
    std::string by = "by another process";
    if (const absl::StatusOr<PeerCredentials> peer = PeerOf(probe->get()); peer.ok()) {
      by = absl::StrCat("by pid ", peer->pid, ", uid ", peer->uid);
    }
    return absl::AlreadyExistsError(
        absl::StrCat("cannot listen at ", Named(path), ": it is in use ", by));
  }
  // Only a refusal proves that no process holds it; a full queue or another socket type does not.
  if (!absl::IsUnavailable(probe.status())) {
    return absl::AlreadyExistsError(absl::StrCat("cannot listen at ", Named(path), ": it is ",
                                                 owned, " in use (", probe.status().message(),
                                                 ")"));
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return SystemError(errno, "remove", path);
  return absl::OkStatus();
}

// Takes away the socket that we have just bound, when nothing comes of it. By its name, for this
// may be because there are no descriptors to be had.
void Unbind(const std::string& path) {
  struct stat found {};
  if (lstat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode) && found.st_uid == geteuid()) {
    unlink(path.c_str());
  }
}

// Sets the bits that the umask took away, on the socket that we bound and on nothing else: the
// directory may belong to a tenant who swaps the name for a link meanwhile.
absl::Status SetMode(const std::string& path, mode_t mode) {
  const UniqueFd entry(open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat found {};
  if (!entry.valid() || fstat(entry.get(), &found) != 0) return SystemError(errno, "open", path);
  if (!S_ISSOCK(found.st_mode) || found.st_uid != geteuid()) {
    return absl::AbortedError(absl::StrFormat("somebody replaced %s by %s of uid %d", Named(path),
                                              KindOf(found.st_mode), found.st_uid));
  }
  // fchmod refuses O_PATH descriptors; their name in /proc reaches the same inode.
  const std::string name = absl::StrCat("/proc/self/fd/", entry.get());
  if ((found.st_mode & 07777) != mode && chmod(name.c_str(), mode) != 0) {
    return SystemError(errno, "set the mode of", path);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckSocketPath(std::string_view path) {
  if (path.empty()) return absl::InvalidArgumentError("the path of the socket is empty");
  if (path.find('\0') != std::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat("the path ", Named(path), " has a zero byte"));
  }
  if (path.size() > kMaxSocketPath) {
    return absl::InvalidArgumentError(absl::StrCat("the path ", Named(path), " has ", path.size(),
                                                   " bytes; a UNIX socket can have at most ",
                                                   kMaxSocketPath, ": choose a shorter directory"));
  }
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> Listen(const std::string& path, mode_t mode, int type) {
  if (absl::Status status = CheckSocketPath(path); !status.ok()) return status;
  if (absl::Status status = RemoveStale(path, type); !status.ok()) return status;
  absl::StatusOr<UniqueFd> fd = OpenSocket(type | SOCK_NONBLOCK);
  if (!fd.ok()) return fd.status();
  // Linux binds with the socket's own mode minus the umask: it is never wider than asked for.
  if (fchmod(fd->get(), mode) != 0) return SystemError(errno, "set the mode of", path);
  const sockaddr_un address = AddressOf(path);
  if (bind(fd->get(), Generic(address), sizeof(address)) != 0) {
    return SystemError(errno, "listen at", path);
  }
  absl::Status status = SetMode(path, mode);
  if (status.ok() && listen(fd->get(), kBacklog) != 0) {
    status = SystemError(errno, "listen at", path);
  }
  if (status.ok()) return fd;
  Unbind(path);
  return status;
}

absl::StatusOr<UniqueFd> Connect(const std::string& path, Time patience) {
  if (absl::Status status = CheckSocketPath(path); !status.ok()) return status;
  return ConnectWith(path, AddressOf(path), SOCK_STREAM, patience);
}

absl::StatusOr<UniqueFd> ConnectNonBlocking(const std::string& path, int type) {
  if (absl::Status status = CheckSocketPath(path); !status.ok()) return status;
  const UniqueFd entry(open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat found {};
  if (!entry.valid() || fstat(entry.get(), &found) != 0) return ConnectError(errno, path);
  if (!S_ISSOCK(found.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrFormat("cannot connect to %s: it is %s", Named(path), KindOf(found.st_mode)));
  }
  // Its name in /proc is that very inode, whatever stands at `path` by now.
  return ConnectWith(path, AddressOf(absl::StrCat("/proc/self/fd/", entry.get())),
                     type | SOCK_NONBLOCK, Time::zero());
}

absl::StatusOr<PeerCredentials> PeerOf(int fd) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return absl::ErrnoToStatus(errno, "cannot read the credentials of a peer");
  }
  return PeerCredentials{credentials.pid, credentials.uid, credentials.gid};
}

}  // namespace weft
