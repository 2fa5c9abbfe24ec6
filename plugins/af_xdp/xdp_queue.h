// SPDX-License-Identifier: Apache-2.0
// One AF_XDP socket as workers see it: its rings, and the memory of its frames. One worker
// receives; several may send, one at a time (sender()). Who makes it keeps memory and socket for as
// long as a worker may use it.
#pragma once

#include <linux/if_xdp.h>

#include <array>
#include <atomic>
#include <cstdint>

#include "core/sdk/weft.h"
#include "plugins/af_xdp/rings.h"
#include "plugins/af_xdp/umem_layout.h"

namespace weft::af_xdp {

class XdpQueue {
 public:
  struct Parts {
    int socket = -1;
    uint8_t* umem = nullptr;  // kReceiveFrames + kTransmitFrames chunks
    uint32_t chunk = kSmallChunk;
    RingMemory<uint64_t> fill{}, completion{};
    RingMemory<xdp_desc> receive{}, transmit{};
    bool busy_poll = false;
  };

  // Gives the kernel all chunks to receive into.
  explicit XdpQueue(const Parts& parts);
  XdpQueue(const XdpQueue&) = delete;
  XdpQueue& operator=(const XdpQueue&) = delete;

  int socket() const { return parts_.socket; }

  // For the worker that receives. Up to `most` frames wait; then Take that many, and Release.
  uint32_t Received(uint32_t most) { return receive_.Available(most); }
  xdp_desc Take() { return receive_.Pop(); }
  void Release() { receive_.Release(); }
  // Whether a frame lies in one chunk of those to receive into, with our room before it.
  bool Holds(const xdp_desc& frame) const;
  uint8_t* At(uint64_t address) const { return parts_.umem + address; }
  // The chunk at this address is free again; the kernel sees it after PublishFree.
  void GiveBack(uint64_t address) { fill_.Push(address & ~uint64_t{parts_.chunk - 1}); }
  void PublishFree();
  // With busy-poll: lets the driver work now, on this thread.
  void Drive() const;

  // Held by a worker that sends, while it calls the next three.
  std::atomic_flag& sender() { return sender_; }
  // Up to `most` chunks can be taken.
  uint32_t FreeToSend(uint32_t most);
  // A chunk to write a frame to; requires that one is free.
  uint64_t TakeChunk() { return free_[--free_count_]; }
  void Send(uint64_t address, uint32_t length) {
    transmit_.Push({.addr = address, .len = length, .options = 0});
  }
  void PublishSent() { transmit_.Publish(); }
  // Any worker. Has the kernel send what is published, unless its driver does so by itself.
  void Kick() const;
  // Whether something is published that the kernel has not taken, and it waits for a kick.
  bool WaitsForKick() const { return transmit_.NeedsWakeup() && Outstanding() != 0; }

 private:
  uint32_t Outstanding() const;  // in the transmit ring; any thread

  const Parts parts_;
  ProducerRing<uint64_t> fill_;
  ConsumerRing<xdp_desc> receive_;
  // Of whoever sends.
  alignas(64) std::atomic_flag sender_;
  ProducerRing<xdp_desc> transmit_;
  ConsumerRing<uint64_t> completion_;
  uint32_t free_count_ = 0;
  std::array<uint64_t, kTransmitFrames> free_;  // addresses of chunks
};

}  // namespace weft::af_xdp
