// SPDX-License-Identifier: Apache-2.0
#include "core/tenant/endpoint.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/unix_socket.h"

namespace weft {
namespace {

// Attempts to connect. In the long run one every kAttempt: a container that never comes, or that
// hangs up each time, costs little. Those that were not needed for kSaved may follow each other as
// closely as kSoonest: one that comes back at once is found at once.
constexpr Time kAttempt = std::chrono::milliseconds(20);
constexpr Time kSoonest = std::chrono::milliseconds(2);
constexpr Time kSaved = 10 * kAttempt;
constexpr Time kRefusal = std::chrono::milliseconds(10);  // between two surplus connections

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::Status SystemError(absl::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", what, " ", path));
}

// The port's directory: all that its container mounts, so nobody else gets in (hostile.md rule 16).
absl::Status PrepareDirectory(const EndpointOptions& options) {
  const std::string path = DirectoryOf(options.path);
  for (size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    // Those above may be passed through by every container, and not listed.
    mkdir(path.substr(0, slash).c_str(), 0711);  // if it fails, so does what follows
  }
  const bool created = mkdir(path.c_str(), 0700) == 0;
  if (!created && errno != EEXIST) return SystemError("make directory", path);
  if (!created && !options.own_directory) return absl::OkStatus();
  const UniqueFd directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory.valid()) return SystemError("open directory", path);
  // A container that listens has to make the socket itself.
  const mode_t mode = options.connects ? 0770 : 0750;
  if (fchown(directory.get(), options.rights.owner, options.rights.group) != 0) {
    return SystemError("set owner and group of directory", path);
  }
  if (fchmod(directory.get(), mode) != 0) return SystemError("set the mode of directory", path);
  return absl::OkStatus();
}

// Gives the socket at `path` from one user to another; does nothing if it is not a socket of
// `from`. The directory may be the container's, so the name is looked up once.
absl::Status ChangeOwner(const std::string& path, uid_t from, uid_t to, gid_t group) {
  const UniqueFd entry(open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat found {};
  if (!entry.valid() || fstat(entry.get(), &found) != 0) return absl::OkStatus();
  if (!S_ISSOCK(found.st_mode) || found.st_uid != from) return absl::OkStatus();
  if (fchownat(entry.get(), "", to, group, AT_EMPTY_PATH) != 0) {
    return SystemError("set owner and group of", path);
  }
  return absl::OkStatus();
}

class ListeningEndpoint final : public Endpoint {
 public:
  ListeningEndpoint(EventLoop& loop, const EndpointOptions& options, Owner& owner)
      : loop_(loop), options_(options), owner_(owner) {}
  ~ListeningEndpoint() override {
    loop_.Cancel(pause_);
    if (!socket_.valid()) return;
    loop_.Unwatch(socket_.get());
    // Only what we made: the container may have put something else there.
    struct stat found {};
    if (lstat(options_.path.c_str(), &found) == 0 && found.st_dev == made_.st_dev &&
        found.st_ino == made_.st_ino) {
      unlink(options_.path.c_str());
    }
    owner_.OnDiscarded(std::move(socket_));
  }

  absl::Status Open() override {
    if (absl::Status status = CheckSocketPath(options_.path); !status.ok()) return status;
    if (absl::Status status = PrepareDirectory(options_); !status.ok()) return status;
    if (options_.rights.owner != kUnchangedOwner) {
      // A socket that an earlier weftd gave away and left behind is ours to replace.
      absl::Status status =
          ChangeOwner(options_.path, options_.rights.owner, geteuid(), kUnchangedOwner);
      if (!status.ok()) return status;
    }
    absl::StatusOr<UniqueFd> socket = Listen(options_.path, options_.rights.mode, options_.type);
    if (!socket.ok()) return socket.status();
    socket_ = *std::move(socket);
    if (lstat(options_.path.c_str(), &made_) != 0) return SystemError("look at", options_.path);
    if (absl::Status status =
            ChangeOwner(options_.path, geteuid(), options_.rights.owner, options_.rights.group);
        !status.ok()) {
      return status;
    }
    loop_.Watch(socket_.get(), EPOLLIN, [this](uint32_t) { OnKnock(); });
    SetMode(Mode::kIdle);
    return absl::OkStatus();
  }

  void SetMode(Mode mode) override {
    loop_.Cancel(std::exchange(pause_, 0));
    mode_ = mode;
    loop_.Rewatch(socket_.get(), mode == Mode::kIdle ? 0U : uint32_t{EPOLLIN});
  }

 private:
  void OnKnock() {
    if (mode_ == Mode::kRefuse && !owner_.OnSurplus()) {
      if (mode_ == Mode::kRefuse) Rest();
      return;
    }
    UniqueFd peer(accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (mode_ == Mode::kTake && peer.valid()) {
      SetMode(Mode::kIdle);
      owner_.OnConnection(std::move(peer));
      return;
    }
    if (peer.valid()) owner_.OnDiscarded(std::move(peer));
    Rest();  // refused, or we are out of descriptors
  }

  // Who knocks again and again may not keep us busy.
  void Rest() {
    loop_.Rewatch(socket_.get(), 0);
    pause_ = loop_.After(kRefusal, [this] { SetMode(mode_); });
  }

  EventLoop& loop_;
  const EndpointOptions options_;
  Owner& owner_;
  UniqueFd socket_;
  struct stat made_ {};
  Mode mode_ = Mode::kIdle;
  EventLoop::TimerId pause_ = 0;
};

class ConnectingEndpoint final : public Endpoint {
 public:
  ConnectingEndpoint(EventLoop& loop, const EndpointOptions& options, Owner& owner)
      : loop_(loop), options_(options), owner_(owner) {}
  ~ConnectingEndpoint() override { loop_.Cancel(retry_); }

  absl::Status Open() override {
    if (absl::Status status = CheckSocketPath(options_.path); !status.ok()) return status;
    return PrepareDirectory(options_);
  }

  void SetMode(Mode mode) override {
    loop_.Cancel(std::exchange(retry_, 0));
    if (mode != Mode::kTake) return;
    // Never at once, except for the first time.
    const Time wait = std::max(kSoonest, spent_until_ - kSaved - loop_.Now());
    retry_ = loop_.After(std::exchange(first_, false) ? Time::zero() : wait, [this] { Try(); });
  }

 private:
  void Try() {
    spent_until_ = std::max(spent_until_, loop_.Now()) + kAttempt;
    absl::StatusOr<UniqueFd> socket = ConnectNonBlocking(options_.path, options_.type);
    if (socket.ok()) {
      SetMode(Mode::kIdle);
      owner_.OnConnection(*std::move(socket));
      return;
    }
    SetMode(Mode::kTake);
    owner_.OnUnreachable(socket.status());
  }

  EventLoop& loop_;
  const EndpointOptions options_;
  Owner& owner_;
  bool first_ = true;
  Time spent_until_{0};  // when the attempts so far would have ended, had each taken kAttempt
  EventLoop::TimerId retry_ = 0;
};

}  // namespace

std::unique_ptr<Endpoint> Endpoint::Make(EventLoop& loop, const EndpointOptions& options,
                                         Owner& owner) {
  if (options.connects) {
    return std::make_unique<ConnectingEndpoint>(loop, options, owner);
  }
  return std::make_unique<ListeningEndpoint>(loop, options, owner);
}

}  // namespace weft
