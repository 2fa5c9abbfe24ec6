// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/memif/server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "core/base/unix_socket.h"

namespace weft::hostile {

using memif::AddRegion;
using memif::AddRing;
using memif::Descriptor;
using memif::Hello;
using memif::Message;
using memif::MessageType;
using memif::testing::PeerRing;
using memif::testing::SharedMemory;

bool MemifServer::Listen() {
  absl::StatusOr<UniqueFd> listener = weft::Listen(path_, 0600, SOCK_SEQPACKET);
  if (!listener.ok()) return false;
  listener_ = *std::move(listener);
  return true;
}

void MemifServer::Hide() {
  if (!listener_.valid()) return;
  unlink(path_.c_str());
  listener_.reset();
}

Hello MemifServer::HonestHello() {
  Hello hello{};
  hello.name = memif::FieldOf<sizeof(memif::Name)>("a liar");
  hello.max_region = memif::kMaxRegions - 1;
  hello.max_log2_ring_size = 6;
  return hello;
}

bool MemifServer::Accept() {
  if (!Listen()) return false;
  pollfd knock{.fd = listener_.get(), .events = POLLIN, .revents = 0};
  const auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(kPatience);
  if (poll(&knock, 1, static_cast<int>(patience.count())) != 1) return false;
  UniqueFd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  Hide();
  if (!socket.valid()) return false;
  link_.Take(std::move(socket));
  taken_ = sent_ = 0;
  return true;
}

bool MemifServer::Reach(ServerStage stage) {
  if (!Accept()) return false;
  if (stage == ServerStage::kFresh) return true;
  if (!link_.Send(Message(MessageType::kHello, HonestHello()))) return false;
  if (!link_.Answers(MessageType::kInit)) return false;
  if (stage == ServerStage::kGreeted) return true;
  if (!TakePieces()) return false;
  if (stage == ServerStage::kConnecting) return true;
  return link_.Send(Message(MessageType::kConnected, memif::Connected{}));
}

// Acknowledges one piece after the other until weft wants to begin.
bool MemifServer::TakePieces() {
  for (;;) {
    if (!link_.Send(Message(MessageType::kAck))) return false;
    const std::optional<Message> message = link_.Read();
    if (!message.has_value()) return false;
    if (message->type == MessageType::kConnect) {
      return rings_[0].ring.has_value() && rings_[1].ring.has_value();
    }
    if (message->type == MessageType::kAddRegion) {
      const uint64_t size = message->As<AddRegion>().size;
      memory_ = std::make_unique<SharedMemory>(size, link_.TakeDescriptor());
    } else if (message->type == MessageType::kAddRing && memory_ != nullptr) {
      const auto request = message->As<AddRing>();
      Ring& ring = rings_[(request.flags & AddRing::kToServer) != 0 ? 0 : 1];
      ring.ring = PeerRing(*memory_, request.offset, static_cast<uint16_t>(1 << request.log2_size));
      ring.interrupt = link_.TakeDescriptor();
    } else {
      return false;
    }
  }
}

void MemifServer::Kick() const {
  // As a container's kick: it cannot fail but by a count that is full.
  [[maybe_unused]] const int kicked = eventfd_write(interrupt(false), 1);
}

void MemifServer::Transmit(const Bytes& frame) {
  const PeerRing& ring = to_switch();
  // Weft offers all of its buffers when the rings begin to run, which may be after CONNECTED.
  if (!Await([&] { return ring.head() != sent_; })) return;
  Descriptor descriptor = ring.Get(sent_);
  std::memcpy(memory_->at(descriptor.offset), frame.data(), frame.size());
  descriptor.length = static_cast<uint32_t>(frame.size());
  ring.Put(sent_, descriptor);
  ring.set_tail(++sent_);
  Kick();
}

std::optional<Bytes> MemifServer::Receive() {
  const PeerRing& ring = from_switch();
  if (ring.head() == taken_) return std::nullopt;
  const Descriptor descriptor = ring.Get(taken_);
  const uint8_t* const from = memory_->at(descriptor.offset);
  Bytes frame(from, from + descriptor.length);
  ring.set_tail(++taken_);
  return frame;
}

}  // namespace weft::hostile
