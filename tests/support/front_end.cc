// SPDX-License-Identifier: Apache-2.0
#include "tests/support/front_end.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/base/unix_socket.h"

namespace weft::vhost::testing {
namespace {

constexpr size_t kPageSize = 4096;

// A test whose own side does not work has nothing to say.
void Require(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "front-end: %s: %s\n", what, std::strerror(errno));
  std::abort();
}

size_t Pages(size_t bytes) { return (bytes + kPageSize - 1) / kPageSize * kPageSize; }

uint16_t LoadIndex(const uint16_t* ring) {
  return std::atomic_ref<const uint16_t>(ring[1]).load(std::memory_order_acquire);
}

void StoreIndex(uint16_t* ring, uint16_t index) {
  std::atomic_ref<uint16_t>(ring[1]).store(index, std::memory_order_release);
}

}  // namespace

uint16_t Ring::available_index() const { return LoadIndex(available); }
void Ring::SetAvailableIndex(uint16_t index) { StoreIndex(available, index); }
uint16_t Ring::used_index() const { return LoadIndex(used); }
void Ring::SetUsedIndex(uint16_t index) { StoreIndex(used, index); }

SharedUsed Ring::used_element(uint16_t position) const {
  SharedUsed element;
  std::memcpy(&element, reinterpret_cast<const uint8_t*>(used) + 4 + 8 * (position % size),
              sizeof(element));
  return element;
}

void Ring::Offer(uint16_t head) {
  const uint16_t index = available_index();
  SetAvailable(index, head);
  SetAvailableIndex(static_cast<uint16_t>(index + 1));
}

FrontEnd::FrontEnd(std::function<void()> pump, uint64_t memory_bytes, uint16_t ring_size,
                   uint32_t queue_pairs)
    : pump_(std::move(pump)),
      memory_bytes_(memory_bytes + kRingSpan * (2 * queue_pairs - 2)),
      more_rings_(memory_bytes),
      memfd_(memfd_create("front-end", MFD_CLOEXEC)),
      rings_(2 * queue_pairs),
      kick_(rings_.size()),
      call_(rings_.size()) {
  Require(memfd_.valid() && ftruncate(memfd_.get(), static_cast<off_t>(memory_bytes_)) == 0,
          "memfd");
  void* const at =
      mmap(nullptr, memory_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, memfd_.get(), 0);
  Require(at != MAP_FAILED, "mmap");
  memory_ = static_cast<uint8_t*>(at);
  for (uint32_t i = 0; i < rings(); ++i) {
    const RingAddressPayload where = addresses(i);
    rings_[i].size = ring_size;
    rings_[i].descriptors =
        reinterpret_cast<SharedDescriptor*>(memory_ + (where.descriptors - kUserBase));
    rings_[i].available = reinterpret_cast<uint16_t*>(memory_ + (where.available - kUserBase));
    rings_[i].used = reinterpret_cast<uint16_t*>(memory_ + (where.used - kUserBase));
    kick_[i] = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    call_[i] = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    Require(kick_[i].valid() && call_[i].valid(), "eventfd");
  }
}

FrontEnd::~FrontEnd() { munmap(memory_, memory_bytes_); }

void FrontEnd::Connect(const std::string& path) {
  while (true) {
    absl::StatusOr<UniqueFd> socket = weft::Connect(path);
    if (socket.ok()) {
      socket_ = *std::move(socket);
      return;
    }
    pump_();
  }
}

bool FrontEnd::Closed() {
  for (int i = 0; i < 200; ++i) {
    pollfd other{.fd = socket_.get(), .events = POLLRDHUP, .revents = 0};
    if (poll(&other, 1, 1) > 0 && (other.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) {
      return true;
    }
    pump_();
  }
  return false;
}

void FrontEnd::Handshake(uint64_t features) {
  Negotiate(features);
  SendMemoryTable();
  for (uint32_t i = 0; i < rings(); ++i) SetUpRing(i);
  for (uint32_t i = 0; i < rings(); ++i) Enable(i);
  for (uint32_t i = 0; i < rings(); ++i) Kick(i);
}

void FrontEnd::Negotiate(uint64_t features) {
  Send(Request::kSetOwner);
  Require(Ask(Request::kGetFeatures).has_value(), "GET_FEATURES");
  Require(Ask(Request::kGetProtocolFeatures).has_value(), "GET_PROTOCOL_FEATURES");
  Send(Request::kSetProtocolFeatures, NumberPayload{kOfferedProtocolFeatures});
  for (uint32_t i = 0; i < rings(); ++i) {
    const std::array<int, 1> fds{call_[i].get()};
    Send(Request::kSetVringCall, NumberPayload{i}, fds);
  }
  Send(Request::kSetFeatures, NumberPayload{features});
}

MemoryPayload FrontEnd::memory_table() const {
  MemoryPayload table;
  table.count = 1;
  table.regions[0] = {kGuestBase, memory_bytes_, kUserBase, 0};
  return table;
}

void FrontEnd::SendMemoryTable() {
  const MemoryPayload table = memory_table();
  const std::array<int, 1> fds{memfd_.get()};
  Send(Request::kSetMemTable, std::as_bytes(std::span(&table, 1)).first(8 + 32), fds,
       kVersion | kNeedReplyFlag);
  Require(ReadNumber(Request::kSetMemTable) == 0, "SET_MEM_TABLE");
}

RingAddressPayload FrontEnd::addresses(uint32_t index) const {
  const uint64_t offset = index < 2 ? index * kRingSpan : more_rings_ + (index - 2) * kRingSpan;
  const uint64_t base = kUserBase + offset;
  RingAddressPayload where;
  where.index = index;
  where.descriptors = base;
  where.available = base + Pages(16 * 4096);
  where.used = where.available + Pages(6 + 2 * 4096);
  return where;
}

void FrontEnd::SetUpRing(uint32_t index) {
  Send(Request::kSetVringNum, RingPayload{index, rings_[index].size});
  Send(Request::kSetVringBase, RingPayload{index, 0});
  Send(Request::kSetVringAddr, addresses(index));
  const std::array<int, 1> fds{kick_[index].get()};
  Send(Request::kSetVringKick, NumberPayload{index}, fds);
}

void FrontEnd::Enable(uint32_t index, bool enable) {
  Send(Request::kSetVringEnable, RingPayload{index, enable ? 1U : 0U});
}

void FrontEnd::Kick(uint32_t index) {
  Require(eventfd_write(kick_[index].get(), 1) == 0, "kick");
  // Everything that was sent has been handled once an answer is here.
  Require(Ask(Request::kGetFeatures).has_value(), "GET_FEATURES after a kick");
  pump_();
}

std::vector<uint32_t> FrontEnd::StopRings() {
  std::vector<uint32_t> bases;
  for (uint32_t i = 0; i < rings(); ++i) {
    Send(Request::kGetVringBase, RingPayload{i, 0});
    const auto reply = ReadReply(Request::kGetVringBase);
    Require(reply.has_value() && reply->size() == sizeof(RingPayload), "GET_VRING_BASE");
    RingPayload base;
    std::memcpy(&base, reply->data(), sizeof(base));
    bases.push_back(base.value);
  }
  return bases;
}

void FrontEnd::Send(Request request, std::span<const std::byte> payload, std::span<const int> fds,
                    uint32_t flags) {
  const MessageHeader header{request, flags, static_cast<uint32_t>(payload.size())};
  std::vector<std::byte> bytes(sizeof(header) + payload.size());
  std::memcpy(bytes.data(), &header, sizeof(header));
  if (!payload.empty()) {
    std::memcpy(bytes.data() + sizeof(header), payload.data(), payload.size());
  }
  SendRaw(bytes, fds);
}

void FrontEnd::SendRaw(std::span<const std::byte> bytes, std::span<const int> fds) {
  iovec data{const_cast<std::byte*>(bytes.data()), bytes.size()};  // sendmsg only reads it
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(32 * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* const part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(part), fds.data(), fds.size_bytes());
  }
  // The other end may have closed already: a test sees that when it reads.
  while (sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EAGAIN) {
    pump_();
  }
}

std::optional<uint64_t> FrontEnd::Ask(Request request) {
  Send(request);
  return ReadNumber(request);
}

std::optional<uint64_t> FrontEnd::ReadNumber(Request request) {
  const auto reply = ReadReply(request);
  if (!reply.has_value()) return std::nullopt;
  Require(reply->size() == sizeof(uint64_t), "a reply of another size");
  uint64_t number = 0;
  std::memcpy(&number, reply->data(), sizeof(number));
  return number;
}

std::optional<std::vector<std::byte>> FrontEnd::ReadReply(Request request) {
  MessageHeader header;
  if (!ReadExactly(reinterpret_cast<std::byte*>(&header), sizeof(header))) return std::nullopt;
  Require(header.request == request && header.flags == (kVersion | kReplyFlag) &&
              header.size <= kMaxPayload,
          "a reply to something else");
  std::vector<std::byte> payload(header.size);
  if (!ReadExactly(payload.data(), payload.size())) return std::nullopt;
  return payload;
}

bool FrontEnd::ReadExactly(std::byte* to, size_t length) {
  size_t got = 0;
  for (int idle = 0; got < length;) {
    const ssize_t now = recv(socket_.get(), to + got, length - got, MSG_DONTWAIT);
    if (now > 0) {
      got += static_cast<size_t>(now);
    } else if (now == 0 || errno != EAGAIN) {
      return false;
    } else {
      Require(++idle < 1'000'000, "no reply");  // a guard against hanging
      pump_();
    }
  }
  return true;
}

uint64_t FrontEnd::TakeCalls(uint32_t index) {
  eventfd_t count = 0;
  return eventfd_read(call_[index].get(), &count) == 0 ? count : 0;
}

}  // namespace weft::vhost::testing
