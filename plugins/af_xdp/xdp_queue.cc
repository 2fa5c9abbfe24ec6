// SPDX-License-Identifier: Apache-2.0
#include "plugins/af_xdp/xdp_queue.h"

#include <sys/socket.h>

namespace weft::af_xdp {

XdpQueue::XdpQueue(const Parts& parts)
    : parts_(parts),
      fill_(parts.fill),
      receive_(parts.receive),
      transmit_(parts.transmit),
      completion_(parts.completion) {
  for (uint32_t i = 0; i < kReceiveFrames; ++i) fill_.Push(uint64_t{i} * parts_.chunk);
  fill_.Publish();
  for (uint32_t i = kTransmitFrames; i > 0; --i) {
    free_[free_count_++] = (uint64_t{kReceiveFrames} + i - 1) * parts_.chunk;
  }
}

bool XdpQueue::Holds(const xdp_desc& frame) const {
  const uint64_t offset = frame.addr & (parts_.chunk - 1);
  return frame.addr < uint64_t{kReceiveFrames} * parts_.chunk && offset >= kHeadroom &&
         frame.len <= parts_.chunk - offset;
}

void XdpQueue::PublishFree() {
  fill_.Publish();
  // A driver that ran out of chunks sleeps until somebody reads (af_xdp.rst, XDP_USE_NEED_WAKEUP).
  if (fill_.NeedsWakeup()) [[unlikely]]
    recvfrom(parts_.socket, nullptr, 0, MSG_DONTWAIT, nullptr, nullptr);
}

void XdpQueue::Drive() const {
  if (parts_.busy_poll) recvfrom(parts_.socket, nullptr, 0, MSG_DONTWAIT, nullptr, nullptr);
}

uint32_t XdpQueue::FreeToSend(uint32_t most) {
  if (free_count_ < most) {
    const uint32_t sent = completion_.Available(kTransmitFrames - free_count_);
    for (uint32_t i = 0; i < sent; ++i) free_[free_count_++] = completion_.Pop();
    if (sent != 0) completion_.Release();
  }
  return std::min(free_count_, most);
}

uint32_t XdpQueue::Outstanding() const {
  // In this order: the consumer never passes a producer that was loaded after it.
  const uint32_t taken =
      std::atomic_ref<uint32_t>(*parts_.transmit.consumer).load(std::memory_order_acquire);
  return std::atomic_ref<uint32_t>(*parts_.transmit.producer).load(std::memory_order_acquire) -
         taken;
}

// Where the kernel copies, the call sends all that waits; kernels before 6.17 do so in pieces of 32
// (TX_BATCH_SIZE, net/xdp/xsk.c) and say EAGAIN after each.
void XdpQueue::Kick() const {
  if (!transmit_.NeedsWakeup()) return;
  for (uint32_t waits = Outstanding(); waits != 0;) {
    if (sendto(parts_.socket, nullptr, 0, MSG_DONTWAIT, nullptr, 0) >= 0) return;
    const uint32_t left = Outstanding();
    if (left >= waits) return;  // it cannot take more now: a later poll kicks again
    waits = left;
  }
}

}  // namespace weft::af_xdp
