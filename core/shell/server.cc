// SPDX-License-Identifier: Apache-2.0
#include "core/shell/server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/log.h"
#include "core/base/unix_socket.h"
#include "core/shell/command_table.h"
#include "core/shell/request.h"

namespace weft {

ControlServer::ControlServer(EventLoop& loop, const CommandTable& commands,
                             ControlServerOptions options)
    : loop_(loop), commands_(commands), options_(std::move(options)) {}

ControlServer::~ControlServer() {
  if (resume_ != 0) loop_.Cancel(resume_);
  if (!listener_.valid()) return;
  loop_.Unwatch(listener_.get());
  if (IsOurs()) unlink(path_.c_str());
}

absl::Status ControlServer::Listen(const std::string& path) {
  absl::StatusOr<UniqueFd> listener = weft::Listen(path, options_.mode);
  if (!listener.ok()) return listener.status();
  listener_ = *std::move(listener);
  path_ = path;
  struct stat found {};
  if (lstat(path.c_str(), &found) == 0) {
    device_ = found.st_dev;
    inode_ = found.st_ino;
  }
  loop_.Watch(listener_.get(), EPOLLIN, [this](uint32_t) { Accept(); });
  return absl::OkStatus();
}

// Another daemon may have replaced a socket that an operator removed.
bool ControlServer::IsOurs() const {
  struct stat found {};
  return lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == inode_;
}

std::string ControlServer::Refusal(int fd) const {
  const absl::StatusOr<PeerCredentials> peer = PeerOf(fd);
  if (!peer.ok()) return std::string(peer.status().message());
  const std::vector<uid_t>& allowed = options_.allowed_uids;
  if (peer->uid != 0 && peer->uid != geteuid() &&
      std::find(allowed.begin(), allowed.end(), peer->uid) == allowed.end()) {
    LogWarning(absl::StrFormat("control socket: refused pid %d of uid %d", peer->pid, peer->uid));
    return absl::StrFormat("uid %d may not control this weftd, which runs as uid %d", peer->uid,
                           geteuid());
  }
  if (connections_.size() >= options_.max_connections) {
    return absl::StrFormat("%d shells are connected already, the most that weftd serves",
                           connections_.size());
  }
  return {};
}

void ControlServer::Accept() {
  const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      // The connection stays in the queue; without a pause the loop would spin on it.
      loop_.Rewatch(listener_.get(), 0);
      resume_ = loop_.After(std::chrono::milliseconds(100), [this] {
        resume_ = 0;
        loop_.Rewatch(listener_.get(), EPOLLIN);
      });
    }
    return;
  }
  UniqueFd client(fd);
  if (const std::string refusal = Refusal(fd); !refusal.empty()) {
    const std::string line = ErrorAnswer(refusal) + "\n";
    [[maybe_unused]] const ssize_t put = send(fd, line.data(), line.size(), MSG_NOSIGNAL);
    return;
  }
  connections_[fd] = std::make_unique<Connection>(
      loop_, std::move(client), options_.limits,
      [this](std::string_view line) { return AnswerRequest(commands_, line); },
      [this, fd] { connections_.erase(fd); });
}

}  // namespace weft
