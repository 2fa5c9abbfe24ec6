// SPDX-License-Identifier: Apache-2.0
// Where a worker's packets come from. Taking one is a step on an array; returning all of a dispatch
// is one assignment, because run to completion ends them together. One pool a worker, touched by
// that worker alone.
//
// Memory comes from a PacketMemory: rte_mempool in weftd, the heap in unit tests, which need no EAL
// and whose address sanitizer then sees every overrun and every use after the dispatch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/packet/packet.h"

struct rte_mempool;

namespace weft {

// Gives out slots and takes them back; `released` is called when a dispatch has ended, `taken`
// before reuse.
class PacketMemory {
 public:
  virtual ~PacketMemory() = default;
  // Up to `count` slots; fewer when memory is short.
  virtual size_t Allocate(PacketSlot** slots, size_t count) = 0;
  virtual void Free(PacketSlot** slots, size_t count) = 0;
  // True if slots must go through Free and Allocate between dispatches, so that a stale pointer is
  // caught.
  virtual bool wants_every_slot_back() const { return false; }
};

class HeapPacketMemory final : public PacketMemory {
 public:
  size_t Allocate(PacketSlot** slots, size_t count) override;
  void Free(PacketSlot** slots, size_t count) override;
  bool wants_every_slot_back() const override { return true; }
};

// Slots of an rte_mempool that the caller owns; its elements are sizeof(PacketSlot) and 64-byte
// aligned.
class MempoolPacketMemory final : public PacketMemory {
 public:
  explicit MempoolPacketMemory(rte_mempool* pool) : pool_(pool) {}
  size_t Allocate(PacketSlot** slots, size_t count) override;
  void Free(PacketSlot** slots, size_t count) override;

 private:
  rte_mempool* pool_;
};

class PacketPool {
 public:
  // Takes `capacity` slots from `memory`, which must outlive the pool. size() says how many there
  // were.
  PacketPool(PacketMemory& memory, size_t capacity);
  ~PacketPool();
  PacketPool(const PacketPool&) = delete;
  PacketPool& operator=(const PacketPool&) = delete;

  // A packet, or null when the pool is used up in this dispatch. Its fields are stale: call Reset
  // or CloneFrom.
  Packet* Take() { return taken_ < slots_.size() ? &slots_[taken_++]->packet : nullptr; }
  // How many more can be taken in this dispatch.
  size_t available() const { return slots_.size() - taken_; }
  size_t taken() const { return taken_; }
  size_t size() const { return slots_.size(); }

  // Gives back all packets that were taken after taken() was `mark`.
  void RewindTo(size_t mark) {
    if (recycle_each_) RecycleSlots(mark);
    taken_ = mark;
  }
  // Ends the dispatch: every packet that was taken is invalid from here on.
  void EndDispatch() { RewindTo(0); }

 private:
  void RecycleSlots(size_t first);

  PacketMemory& memory_;
  const bool recycle_each_;
  std::vector<PacketSlot*> slots_;
  size_t taken_ = 0;
};

}  // namespace weft
