// SPDX-License-Identifier: Apache-2.0
// The rings of an AF_XDP socket (linux/if_xdp.h; kernel's net/xdp/xsk_queue.h has the other side's
// order of loads and stores): an array that one side fills and the other empties, with an index for
// each that only grows. The memory is the kernel's and ours, no tenant reaches it. One thread at a
// time on our side.
#pragma once

#include <linux/if_xdp.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace weft::af_xdp {

// Where a ring lies.
template <typename Entry>
struct RingMemory {
  uint32_t* producer = nullptr;
  uint32_t* consumer = nullptr;
  uint32_t* flags = nullptr;
  Entry* entries = nullptr;
  uint32_t size = 0;  // a power of two
};

// We fill it: the fill ring (with addresses of free chunks), the transmit ring.
template <typename Entry>
class ProducerRing {
 public:
  ProducerRing() = default;
  explicit ProducerRing(const RingMemory<Entry>& memory)
      : memory_(memory),
        next_(std::atomic_ref<uint32_t>(*memory.producer).load(std::memory_order_relaxed)) {}

  // Entries that the other side has not taken yet.
  uint32_t Waiting() const {
    return next_ - std::atomic_ref<uint32_t>(*memory_.consumer).load(std::memory_order_acquire);
  }
  // Requires Waiting() < size. Others see it after Publish.
  void Push(const Entry& entry) { memory_.entries[next_++ & (memory_.size - 1)] = entry; }
  void Publish() {
    std::atomic_ref<uint32_t>(*memory_.producer).store(next_, std::memory_order_release);
  }
  // Whether the other side sleeps until a system call wakes it (XDP_USE_NEED_WAKEUP).
  bool NeedsWakeup() const {
    return (std::atomic_ref<uint32_t>(*memory_.flags).load(std::memory_order_relaxed) &
            XDP_RING_NEED_WAKEUP) != 0;
  }
  uint32_t size() const { return memory_.size; }

 private:
  RingMemory<Entry> memory_;
  uint32_t next_ = 0;
};

// We empty it: the receive ring, the completion ring (with addresses of chunks that were sent).
template <typename Entry>
class ConsumerRing {
 public:
  ConsumerRing() = default;
  explicit ConsumerRing(const RingMemory<Entry>& memory)
      : memory_(memory),
        next_(std::atomic_ref<uint32_t>(*memory.consumer).load(std::memory_order_relaxed)) {}

  // How many can be popped, at most `most`. Asks for the other side's index only if too few are
  // known of.
  uint32_t Available(uint32_t most) {
    if (known_ - next_ < most) {
      known_ = std::atomic_ref<uint32_t>(*memory_.producer).load(std::memory_order_acquire);
    }
    return std::min(known_ - next_, most);
  }
  // Requires that one is available.
  Entry Pop() { return memory_.entries[next_++ & (memory_.size - 1)]; }
  // The places of what was popped are the other side's again.
  void Release() {
    std::atomic_ref<uint32_t>(*memory_.consumer).store(next_, std::memory_order_release);
  }

 private:
  RingMemory<Entry> memory_;
  uint32_t next_ = 0;
  uint32_t known_ = 0;  // the other side's index, as last seen
};

}  // namespace weft::af_xdp
