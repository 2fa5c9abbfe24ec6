// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/silent_files.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "core/base/text.h"
#include "tests/hostile/file_server.h"
#include "tests/hostile/link.h"

namespace weft::hostile {
namespace {

constexpr size_t kMostBytes = 512;

// What the opener is told; a socket comes with it.
struct Order {
  uint32_t file = 0;
  SilentFiles::Kind kind = SilentFiles::Kind::kSilent;
  uint32_t size = 0;
  std::array<std::byte, kMostBytes> bytes{};
};

struct Pair {
  UniqueFd ours;
  UniqueFd theirs;
};

absl::StatusOr<Pair> MakePair() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return absl::ErrnoToStatus(errno, "socketpair");
  }
  return Pair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Opens a file and sends it. It closes its own descriptor, too, which waits like everybody.
[[noreturn]] void Deliver(int control, int root, int socket, const Order& order) {
  std::string name = Cat(order.file);
  if (order.kind == SilentFiles::Kind::kHalfway) name.insert(name.begin(), FileServer::kHalfway);
  UniqueFd file(openat(root, name.c_str(), O_RDWR | O_CLOEXEC));
  const int fd = file.get();
  const std::span bytes(order.bytes.data(), std::min<size_t>(order.size, kMostBytes));
  const uint32_t sent = file.valid() && SendBytes(socket, bytes, {&fd, 1}) ? 1 : 0;
  close(socket);  // the connection is to end when its owner says so
  send(control, &sent, sizeof(sent), MSG_NOSIGNAL);
  file.reset();
  _exit(0);
}

// A process for each file, for each may have to wait.
[[noreturn]] void RunOpener(int control, int root) {
  signal(SIGCHLD, SIG_IGN);
  for (;;) {
    Order order;
    iovec data{&order, sizeof(order)};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> ancillary{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = ancillary.data();
    message.msg_controllen = ancillary.size();
    if (recvmsg(control, &message, MSG_CMSG_CLOEXEC) != sizeof(order)) _exit(0);
    const cmsghdr* const part = CMSG_FIRSTHDR(&message);
    if (part == nullptr) continue;
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(part), sizeof(fd));
    const UniqueFd socket(fd);
    if (fork() == 0) Deliver(control, root, fd, order);
  }
}

// Serves. The opener is its child, and has nothing by which the file system could outlive us.
[[noreturn]] void RunServer(UniqueFd control, UniqueFd opener) {
  setpgid(0, 0);  // a Ctrl-C is for our parent
  auto server = FileServer::Make();
  const std::string problem = server.ok() ? "" : MessageOf(server.status());
  if (send(control.get(), problem.c_str(), problem.size() + 1, MSG_NOSIGNAL) < 0 || !server.ok()) {
    _exit(1);
  }
  UniqueFd root = server->TakeRoot();
  if (fork() == 0) {
    control.reset();
    server->CloseDevice();
    RunOpener(opener.get(), root.get());
  }
  root.reset();
  opener.reset();
  server->Serve(control.get());
  _exit(0);
}

}  // namespace

absl::StatusOr<std::unique_ptr<SilentFiles>> SilentFiles::Start() {
  std::unique_ptr<SilentFiles> self(new SilentFiles);
  auto server = MakePair();
  if (!server.ok()) return server.status();
  auto opener = MakePair();
  if (!opener.ok()) return opener.status();
  self->server_pid_ = fork();
  if (self->server_pid_ < 0) return absl::ErrnoToStatus(errno, "fork");
  if (self->server_pid_ == 0) {
    server->ours.reset();
    opener->ours.reset();
    RunServer(std::move(server->theirs), std::move(opener->theirs));
  }
  self->server_ = std::move(server->ours);
  self->opener_ = std::move(opener->ours);
  server->theirs.reset();
  opener->theirs.reset();
  std::array<char, 256> problem{};
  if (recv(self->server_.get(), problem.data(), problem.size() - 1, 0) <= 0) {
    return absl::UnavailableError("the server of files has ended");
  }
  if (problem[0] != 0) return absl::UnavailableError(problem.data());
  return self;
}

SilentFiles::~SilentFiles() {
  server_.reset();
  if (server_pid_ > 0) waitpid(server_pid_, nullptr, 0);
  if (!opener_.valid()) return;
  shutdown(opener_.get(), SHUT_WR);
  // All that it has started have ended when the last of them has closed its end.
  uint32_t sent = 0;
  while (recv(opener_.get(), &sent, sizeof(sent), 0) > 0) {
  }
}

std::optional<uint32_t> SilentFiles::Send(int socket, Kind kind, std::span<const std::byte> bytes) {
  const std::scoped_lock lock(mutex_);
  Order order{.file = ++files_, .kind = kind, .size = static_cast<uint32_t>(bytes.size())};
  if (bytes.size() > kMostBytes) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), order.bytes.begin());
  uint32_t sent = 0;
  if (!SendBytes(opener_.get(), std::as_bytes(std::span(&order, 1)), {&socket, 1}) ||
      recv(opener_.get(), &sent, sizeof(sent), 0) != sizeof(sent) || sent == 0) {
    return std::nullopt;
  }
  return order.file;
}

void SilentFiles::Release(uint32_t file) { send(server_.get(), &file, sizeof(file), MSG_NOSIGNAL); }

}  // namespace weft::hostile
