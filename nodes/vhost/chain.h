// SPDX-License-Identifier: Apache-2.0
// The general walk over a chain of descriptors (virtio 1.2 §2.7.5, §2.8.6): any shape that is
// legal, and a name for each that is not. The rings call it for what their fast path does not know.
// Workers only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/packet/packet.h"
#include "nodes/vhost/ring_layout.h"

namespace weft::vhost {

inline constexpr size_t kMaxChain = 64;     // descriptors, those of an indirect table included
inline constexpr size_t kMaxIndirect = 64;  // entries of an indirect table

enum class ChainFault : uint8_t {
  kNone,
  kDirection,           // the WRITE bit is not as the ring's direction demands
  kNext,                // `next` is outside of its table
  kLoop,                // `next` is a descriptor that the chain has already
  kTooManyDescriptors,  // more than kMaxChain
  kTooManyBytes,        // more than the view's longest_frame and a header, to the switch
  kIndirect,  // not negotiated, not the head (packed: not alone), nested, or a table of an
              // impossible length
  kUnmapped,  // an address that is not, or not wholly, in one region
};

// The memory of a chain, in order; no piece is empty. Kept by the rings and filled anew for each
// chain.
struct Chain {
  size_t count = 0;
  size_t descriptors = 0;  // those of no bytes included
  uint64_t bytes = 0;
  std::array<Segment, kMaxChain> pieces;
};

// Walks the chain of a split ring that starts with `first`, the snapshot of descriptor `head`.
// Every descriptor is loaded once; an indirect table is copied first. kToSwitch: descriptors to
// read; kToGuest: to write.
template <Direction kDirection>
ChainFault WalkChain(const RingView& view, uint16_t head, const Descriptor& first, Chain& chain);

// Walks the chain of a packed ring, all of it loaded already: snapshots of its descriptors, at
// least one, and of more than kMaxChain at least the first kMaxChain + 1.
template <Direction kDirection>
ChainFault WalkPacked(const RingView& view, std::span<const Descriptor> descriptors, Chain& chain);

extern template ChainFault WalkChain<Direction::kToGuest>(const RingView&, uint16_t,
                                                          const Descriptor&, Chain&);
extern template ChainFault WalkChain<Direction::kToSwitch>(const RingView&, uint16_t,
                                                           const Descriptor&, Chain&);
extern template ChainFault WalkPacked<Direction::kToGuest>(const RingView&,
                                                           std::span<const Descriptor>, Chain&);
extern template ChainFault WalkPacked<Direction::kToSwitch>(const RingView&,
                                                            std::span<const Descriptor>, Chain&);

}  // namespace weft::vhost
