// SPDX-License-Identifier: Apache-2.0
// The kernel's side of an AF_XDP socket, in memory: it takes chunks out of the fill ring, puts
// frames into them and the receive ring, takes frames out of the transmit ring, and says when it
// has sent them. There is no socket: system calls on it fail, and change nothing.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <vector>

#include "plugins/af_xdp/xdp_queue.h"
#include "tests/support/frames.h"

namespace weft::af_xdp {

class FakeKernel {
 public:
  explicit FakeKernel(uint32_t chunk = kSmallChunk)
      : umem_(size_t{kReceiveFrames + kTransmitFrames} * chunk) {
    queue_ = std::make_unique<XdpQueue>(XdpQueue::Parts{.socket = -1,
                                                        .umem = umem_.data(),
                                                        .chunk = chunk,
                                                        .fill = fill_.Memory(),
                                                        .completion = completion_.Memory(),
                                                        .receive = receive_.Memory(),
                                                        .transmit = transmit_.Memory()});
  }

  XdpQueue& queue() { return *queue_; }

  // Chunks that it could receive into.
  uint32_t FreeChunks() const { return fill_.Waiting(); }
  // False if there is no chunk.
  bool Receive(const testing::Bytes& frame) {
    if (fill_.Waiting() == 0) return false;
    const uint64_t address = fill_.Pop() + kKernelHeadroom + kHeadroom;
    std::copy(frame.begin(), frame.end(), umem_.begin() + static_cast<ptrdiff_t>(address));
    ReceiveAt(address, static_cast<uint32_t>(frame.size()));
    return true;
  }
  void ReceiveAt(uint64_t address, uint32_t length) {
    receive_.Push({.addr = address, .len = length, .options = 0});
  }
  // Takes up to `most` frames; they are sent when Complete says so.
  std::vector<testing::Bytes> Take(size_t most = SIZE_MAX) {
    std::vector<testing::Bytes> taken;
    while (taken.size() < most && transmit_.Waiting() != 0) {
      const xdp_desc frame = transmit_.Pop();
      const auto begin = umem_.begin() + static_cast<ptrdiff_t>(frame.addr);
      taken.emplace_back(begin, begin + frame.len);
      under_way_.push_back(frame.addr);
    }
    return taken;
  }
  void Complete() {
    for (const uint64_t address : under_way_) completion_.Push(address);
    under_way_.clear();
  }
  // As a driver does that sends by itself.
  void SleepUntilWoken(bool sleeps) { transmit_.flags = sleeps ? XDP_RING_NEED_WAKEUP : 0; }

 private:
  template <typename Entry>
  struct Ring {
    RingMemory<Entry> Memory() {
      return {&producer, &consumer, &flags, entries.data(), static_cast<uint32_t>(entries.size())};
    }
    uint32_t Waiting() const { return producer - consumer; }
    Entry Pop() { return entries[consumer++ % entries.size()]; }
    void Push(const Entry& entry) {
      ASSERT_LT(Waiting(), entries.size());
      entries[producer++ % entries.size()] = entry;
    }
    uint32_t producer = 0, consumer = 0, flags = 0;
    std::vector<Entry> entries = std::vector<Entry>(kDescriptors);
  };

  std::vector<uint8_t> umem_;
  Ring<uint64_t> fill_, completion_;
  Ring<xdp_desc> receive_, transmit_;
  std::deque<uint64_t> under_way_;
  std::unique_ptr<XdpQueue> queue_;
};

}  // namespace weft::af_xdp
