// SPDX-License-Identifier: Apache-2.0
#include "bench/load/memif_client.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <bit>
#include <cerrno>
#include <cstring>

#include "core/base/text.h"

namespace weft::load {
namespace {

constexpr int kPatienceMs = 10'000;  // a guard against hanging
constexpr uint16_t kVersion = 0x200;

enum Type : uint16_t {
  kNone,
  kAck,
  kHello,
  kInit,
  kAddRegion,
  kAddRing,
  kConnect,
  kConnected,
  kDisconnect,
};

struct [[gnu::packed]] Init {
  uint16_t version = kVersion;
  uint32_t interface = 0;
  uint8_t mode = 0;  // Ethernet
  char secret[24] = {};
  char name[32] = "weft-load";
};
struct [[gnu::packed]] AddRegion {
  uint16_t index = 0;
  uint64_t size = 0;
};
struct [[gnu::packed]] AddRingRequest {
  uint16_t flags = 0;  // 1: from client to server
  uint16_t index = 0;
  uint16_t region = 0;
  uint32_t offset = 0;
  uint8_t log2_size = 0;
  uint16_t private_header = 0;
};
struct [[gnu::packed]] ConnectRequest {
  char name[32] = "weft-load";
};

}  // namespace

struct MemifClient::Message {
  uint16_t type = kNone;
  std::array<uint8_t, 126> body{};

  Message() = default;
  template <typename T>
  Message(Type of, const T& payload) : type(of) {
    std::memcpy(body.data(), &payload, sizeof(payload));
  }
};

absl::StatusOr<MemifClient> MemifClient::Attach(const std::string& path, const Memory& memory,
                                                const MemifRing& receive, const MemifRing& transmit,
                                                uint16_t queues) {
  MemifClient client;
  client.interrupt_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!client.interrupt_.valid()) return absl::ErrnoToStatus(errno, "eventfd");
  const Message init(kInit, Init{});
  const Message region(kAddRegion, AddRegion{.size = memory.size()});
  const Message connect(kConnect, ConnectRequest{});
  absl::Status status = client.Connect(path);
  if (status.ok()) status = client.Ask(nullptr, -1, kHello);
  if (status.ok()) status = client.Ask(&init, -1, kAck);
  if (status.ok()) status = client.Ask(&region, memory.fd(), kAck);
  if (status.ok()) status = client.AddRing(transmit, true, 0);
  for (uint16_t i = 0; i < queues && status.ok(); ++i) status = client.AddRing(receive, false, i);
  if (status.ok()) status = client.Ask(&connect, -1, kConnected);
  if (!status.ok()) return absl::Status(status.code(), Cat(path, ": ", MessageOf(status)));
  return client;
}

void MemifClient::Kick() const {
  // It cannot fail but by a count that is full, and then the switch has been kicked already.
  [[maybe_unused]] const int kicked = eventfd_write(interrupt_.get(), 1);
}

absl::Status MemifClient::Connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return absl::InvalidArgumentError("too long");
  std::memcpy(address.sun_path, path.data(), path.size());
  socket_ = UniqueFd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!socket_.valid() ||
      connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return absl::ErrnoToStatus(errno, "cannot connect");
  }
  return absl::OkStatus();
}

absl::Status MemifClient::AddRing(const MemifRing& ring, bool transmits, uint16_t queue) {
  const Message message(
      kAddRing, AddRingRequest{.flags = transmits ? uint16_t{1} : uint16_t{0},
                               .index = queue,
                               .offset = ring.offset,
                               .log2_size = static_cast<uint8_t>(std::bit_width(ring.size) - 1)});
  return Ask(&message, interrupt_.get(), kAck);
}

absl::Status MemifClient::Ask(const Message* message, int fd, uint16_t answer) {
  if (message != nullptr) {
    Message bytes = *message;
    iovec data{&bytes, sizeof(bytes)};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    if (fd >= 0) {
      header.msg_control = control.data();
      header.msg_controllen = control.size();
      cmsghdr* const part = CMSG_FIRSTHDR(&header);
      part->cmsg_level = SOL_SOCKET;
      part->cmsg_type = SCM_RIGHTS;
      part->cmsg_len = CMSG_LEN(sizeof(int));
      std::memcpy(CMSG_DATA(part), &fd, sizeof(int));
    }
    if (sendmsg(socket_.get(), &header, MSG_NOSIGNAL) != sizeof(bytes)) {
      return absl::ErrnoToStatus(errno, "the switch does not take our messages");
    }
  }
  Message reply;
  static_assert(sizeof(reply) == 128);
  pollfd readable{.fd = socket_.get(), .events = POLLIN, .revents = 0};
  if (poll(&readable, 1, kPatienceMs) != 1) return absl::DeadlineExceededError("no reply");
  if (recv(socket_.get(), &reply, sizeof(reply), 0) != sizeof(reply)) {
    return absl::UnavailableError("the switch closed the connection");
  }
  if (reply.type == kDisconnect) {
    // Behind a number, a sentence of at most 96 characters.
    const char* const reason = reinterpret_cast<const char*>(reply.body.data()) + 4;
    return absl::UnavailableError(std::string(reason, strnlen(reason, 96)));
  }
  if (reply.type != answer) return absl::InternalError(Cat("an answer of type ", reply.type));
  return absl::OkStatus();
}

}  // namespace weft::load
