// SPDX-License-Identifier: Apache-2.0
// The few accesses to a ring that both directions share; see RingView for who moves what. Workers
// only, but for LevelOf.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "plugins/memif/queue.h"

namespace weft::memif {

inline ForeignPtr DescriptorAt(const RingView& view, uint16_t position) {
  return view.descriptors + sizeof(Descriptor) * (position & (view.size - 1U));
}

// A snapshot of a descriptor: each half is loaded once, and only the copy is looked at.
inline Descriptor LoadDescriptor(const RingView& view, uint16_t position) {
  const ForeignPtr at = DescriptorAt(view, position);
  return std::bit_cast<Descriptor>(std::array{at.Load<uint64_t>(), (at + 8).Load<uint64_t>()});
}

inline void StoreDescriptor(const RingView& view, uint16_t position, const Descriptor& descriptor) {
  const auto halves = std::bit_cast<std::array<uint64_t, 2>>(descriptor);
  const ForeignPtr at = DescriptorAt(view, position);
  at.Store(halves[0]);
  (at + 8).Store(halves[1]);
}

// Where the `length` bytes are that a descriptor, as it was loaded, speaks of; null if they are not
// all in one region, or in the one buffer that it has.
inline ForeignPtr BufferOf(const RingView& view, uint16_t position, const Descriptor& descriptor) {
  if (view.buffer_size == 0) {
    return view.regions->Translate(descriptor.region, descriptor.offset, descriptor.length);
  }
  if (descriptor.length > view.buffer_size) return ForeignPtr();
  return view.buffers + size_t{view.buffer_size} * (position & (view.size - 1U));
}

// The descriptor of a client's buffer that holds nothing.
inline Descriptor EmptyBuffer(const RingView& view, uint16_t position) {
  const uint32_t slot = position & (view.size - 1U);
  return {.flags = 0,
          .region = 0,
          .length = view.buffer_size,
          .offset = view.buffers_offset + slot * view.buffer_size,
          .metadata = 0};
}

// How many descriptors are weft's from its position on. Loads the peer's index, once. Fails the
// queue if the index is further ahead, or behind, than a ring of this size can be; so is the zero
// that stands where its page is gone.
inline size_t Available(Queue& queue, const RingView& view) {
  const auto index = view.peer_index.Load<uint16_t>(std::memory_order_acquire);
  const auto ahead = static_cast<uint16_t>(index + view.ahead - queue.cursor.position);
  if (ahead > view.size) [[unlikely]] {
    queue.Fail(view.regions->faulted() ? RingError::kMemoryFaulted : RingError::kIndexTooFarAhead);
    return 0;
  }
  return ahead;
}

// Shows the peer all descriptors that weft has done with so far.
inline void Show(Queue& queue, const RingView& view, std::memory_order order) {
  queue.cursor.shown = queue.cursor.position;
  view.own_index.Store(static_cast<uint16_t>(queue.cursor.position + view.behind), order);
}

// The other order, "flags, then index", is the peer's: each must be a full barrier, or both sleep.
inline bool WantsInterrupt(const RingView& view) {
  return view.call.valid() &&
         (view.flags.Load<uint16_t>(std::memory_order_seq_cst) & kMaskInterrupt) == 0;
}

inline void AskForKick(const RingView& view) {
  view.flags.Store<uint16_t>(0, std::memory_order_seq_cst);
}
inline void DeclineKicks(const RingView& view) { view.flags.Store<uint16_t>(kMaskInterrupt); }

inline bool IsIdle(const Queue& queue, const RingView& view) {
  return static_cast<uint16_t>(view.peer_index.Load<uint16_t>(std::memory_order_acquire) +
                               view.ahead) == queue.cursor.position;
}

inline void PrefetchNext(const Queue& queue, const RingView& view) {
  view.peer_index.Prefetch();
  DescriptorAt(view, queue.cursor.position).Prefetch();
}

// How many descriptors of a ring wait for weft, as its two indexes say: frames to the switch, free
// buffers to the peer. For people: whoever shares the memory may say anything. Control thread.
inline uint16_t LevelOf(const RingView& view) {
  const auto own = view.own_index.Load<uint16_t>();
  const auto peer = view.peer_index.Load<uint16_t>();
  return std::min(static_cast<uint16_t>(peer + view.ahead + view.behind - own), view.size);
}

}  // namespace weft::memif
