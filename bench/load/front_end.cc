// SPDX-License-Identifier: Apache-2.0
#include "bench/load/front_end.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/text.h"
#include "core/base/unix_socket.h"

namespace weft::load {
namespace {

using vhost::NumberPayload;
using vhost::Request;

constexpr int kPatienceMs = 10'000;  // a guard against hanging

absl::StatusOr<UniqueFd> Accept(const std::string& path) {
  const absl::StatusOr<UniqueFd> listener = Listen(path, 0600);
  if (!listener.ok()) return listener.status();
  pollfd readable{.fd = listener->get(), .events = POLLIN, .revents = 0};
  if (poll(&readable, 1, kPatienceMs) != 1) {
    unlink(path.c_str());
    return absl::DeadlineExceededError(Cat("no switch connected to ", path));
  }
  UniqueFd peer(accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
  unlink(path.c_str());
  if (!peer.valid()) return absl::ErrnoToStatus(errno, "accept");
  return peer;
}

}  // namespace

absl::StatusOr<FrontEnd> FrontEnd::Attach(const std::string& path, bool listen, uint64_t features,
                                          const Memory& memory,
                                          const std::array<RingPlace, 2>& rings) {
  FrontEnd end;
  absl::StatusOr<UniqueFd> socket = listen ? Accept(path) : Connect(path);
  if (!socket.ok()) return socket.status();
  end.socket_ = *std::move(socket);
  for (uint32_t i = 0; i < 2; ++i) {
    end.kick_[i] = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    end.call_[i] = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!end.kick_[i].valid() || !end.call_[i].valid())
      return absl::ErrnoToStatus(errno, "eventfd");
  }
  absl::Status status = end.Negotiate(features);
  if (status.ok()) status = end.ShareMemory(memory);
  for (uint32_t i = 0; i < 2 && status.ok(); ++i) status = end.SetUpRing(i, rings[i]);
  // An answer to anything says that all of it has been handled.
  if (status.ok()) status = end.Ask(Request::kGetFeatures).status();
  if (!status.ok()) return absl::Status(status.code(), Cat(path, ": ", MessageOf(status)));
  for (uint32_t i = 0; i < 2; ++i) end.Kick(i);
  return end;
}

absl::Status FrontEnd::Negotiate(uint64_t features) {
  if (absl::Status status = SendBytes(Request::kSetOwner); !status.ok()) return status;
  const absl::StatusOr<uint64_t> offered = Ask(Request::kGetFeatures);
  if (!offered.ok()) return offered.status();
  const uint64_t wanted = features | vhost::kFeatureVersion1;
  if ((wanted & ~*offered) != 0) {
    return absl::UnimplementedError("the switch does not offer the features that were asked for");
  }
  const uint64_t protocol = *offered & vhost::kFeatureProtocol;
  if (protocol != 0) {
    const absl::StatusOr<uint64_t> known = Ask(Request::kGetProtocolFeatures);
    if (!known.ok()) return known.status();
    protocol_features_ = *known & (vhost::kProtocolReplyAck | vhost::kProtocolMultiQueue);
    const NumberPayload chosen{protocol_features_};
    if (absl::Status status = Send(Request::kSetProtocolFeatures, chosen); !status.ok())
      return status;
  }
  return Send(Request::kSetFeatures, NumberPayload{wanted | protocol});
}

absl::Status FrontEnd::ShareMemory(const Memory& memory) {
  vhost::MemoryPayload table;
  table.count = 1;
  // Guest addresses are our own: nothing has to be translated here.
  const auto base = reinterpret_cast<uint64_t>(memory.base());
  table.regions[0] = {base, memory.size(), base, 0};
  const std::array<int, 1> fds{memory.fd()};
  const auto bytes = std::as_bytes(std::span(&table, 1)).first(8 + sizeof(vhost::RegionRequest));
  const bool ack = (protocol_features_ & vhost::kProtocolReplyAck) != 0;
  absl::Status status =
      SendBytes(Request::kSetMemTable, bytes, fds, ack ? vhost::kNeedReplyFlag : 0);
  if (!status.ok() || !ack) return status;
  const absl::StatusOr<uint64_t> answer = ReadNumber();
  if (!answer.ok()) return answer.status();
  return *answer == 0 ? absl::OkStatus()
                      : absl::InternalError("the switch refused the memory table");
}

absl::Status FrontEnd::SetUpRing(uint32_t index, const RingPlace& place) {
  vhost::RingAddressPayload where;
  where.index = index;
  where.descriptors = reinterpret_cast<uint64_t>(place.descriptors);
  where.available = reinterpret_cast<uint64_t>(place.available);
  where.used = reinterpret_cast<uint64_t>(place.used);
  const std::array<int, 1> kick{kick_[index].get()};
  const std::array<int, 1> call{call_[index].get()};
  absl::Status status = Send(Request::kSetVringCall, NumberPayload{index}, call);
  if (status.ok()) status = Send(Request::kSetVringNum, vhost::RingPayload{index, place.size});
  if (status.ok()) status = Send(Request::kSetVringBase, vhost::RingPayload{index, place.base});
  if (status.ok()) status = Send(Request::kSetVringAddr, where);
  if (status.ok()) status = Send(Request::kSetVringKick, NumberPayload{index}, kick);
  if (status.ok()) status = Send(Request::kSetVringEnable, vhost::RingPayload{index, 1});
  return status;
}

absl::Status FrontEnd::SendBytes(Request request, std::span<const std::byte> payload,
                                 std::span<const int> fds, uint32_t flags) {
  const vhost::MessageHeader header{request, vhost::kVersion | flags,
                                    static_cast<uint32_t>(payload.size())};
  std::array<std::byte, sizeof(header) + vhost::kMaxPayload> bytes;
  std::memcpy(bytes.data(), &header, sizeof(header));
  if (!payload.empty()) std::memcpy(bytes.data() + sizeof(header), payload.data(), payload.size());
  iovec data{bytes.data(), sizeof(header) + payload.size()};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(part), fds.data(), sizeof(int));
  }
  if (sendmsg(socket_.get(), &message, MSG_NOSIGNAL) != static_cast<ssize_t>(data.iov_len)) {
    return absl::ErrnoToStatus(errno, "the switch does not take our messages");
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> FrontEnd::Ask(Request request) {
  if (absl::Status status = SendBytes(request); !status.ok()) return status;
  return ReadNumber();
}

absl::StatusOr<uint64_t> FrontEnd::ReadNumber() {
  std::array<std::byte, sizeof(vhost::MessageHeader) + sizeof(uint64_t)> reply;
  for (size_t got = 0; got < reply.size();) {
    pollfd readable{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    if (poll(&readable, 1, kPatienceMs) != 1) return absl::DeadlineExceededError("no reply");
    const ssize_t now = recv(socket_.get(), reply.data() + got, reply.size() - got, 0);
    if (now <= 0) return absl::UnavailableError("the switch closed the connection");
    got += static_cast<size_t>(now);
  }
  uint64_t value = 0;
  std::memcpy(&value, reply.data() + sizeof(vhost::MessageHeader), sizeof(value));
  return value;
}

void FrontEnd::Kick(uint32_t ring) const {
  // It cannot fail but by a count that is full, and then the switch has been kicked already.
  [[maybe_unused]] const int kicked = eventfd_write(kick_[ring].get(), 1);
}

}  // namespace weft::load
