// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/memif/tenant.h"

#include <sys/eventfd.h>

#include <span>
#include <utility>

namespace weft::hostile {

using memif::Message;
using memif::MessageType;

MemifTenant::MemifTenant(MemifOptions options)
    : options_(std::move(options)),
      memory_(options_.ring),
      out_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      in_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  memory_.Offer(options_.buffers);
}

bool MemifTenant::Ask(const Message& message, int fd, MessageType answer) {
  const bool sent = fd < 0 ? link_.Send(message) : link_.Send(message, fd);
  return sent && link_.Answers(answer);
}

bool MemifTenant::Reach(MemifStage stage) {
  if (!link_.Connect(options_.socket) || !link_.Answers(MessageType::kHello)) return false;
  if (stage == MemifStage::kFresh) return true;
  if (!Ask(memif::testing::InitMessage())) return false;
  if (stage == MemifStage::kKnown) return true;
  if (!Ask(region_message(), memory_.memory.fd())) return false;
  if (stage == MemifStage::kShared) return true;
  for (const bool to_server : {true, false}) {
    if (!Ask(ring_message(to_server), interrupt(to_server))) return false;
  }
  if (stage == MemifStage::kRings) return true;
  return Ask(memif::testing::ConnectMessage(), -1, MessageType::kConnected);
}

void MemifTenant::Kick() const {
  // It cannot fail but by a count that is full, and then the switch has been kicked already.
  [[maybe_unused]] const int kicked = eventfd_write(out_.get(), 1);
}

void MemifTenant::Transmit(const Bytes& frame) {
  memory_.Send(frame);
  Kick();
}

std::optional<Bytes> MemifTenant::Receive() {
  const uint16_t before = memory_.taken;
  for (Bytes& frame : memory_.Take()) arrived_.push_back(std::move(frame));
  memory_.Offer(static_cast<uint16_t>(memory_.taken - before));
  if (arrived_.empty()) return std::nullopt;
  Bytes frame = std::move(arrived_.front());
  arrived_.pop_front();
  return frame;
}

}  // namespace weft::hostile
