// SPDX-License-Identifier: Apache-2.0
// Writes frames into the ring that the peer empties. One RingWriter a worker; several workers may
// write one ring, which has a lock held for one burst.
//
// The private header bytes go out as they were decided on; the payload goes from the sender's
// memory straight to the receiver's: the one copy. A frame that does not fit a buffer goes on in
// the next ones. A frame that finds no room is dropped at once, and the ring is as if it had never
// come. A buffer that is bad in itself goes back with length 0, and takes the frame with it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "plugins/memif/ring.h"

namespace weft::memif {

// Why a packet did not reach a peer.
enum class TransmitDrop : uint8_t { kRingFull, kPortDown, kBufferTooSmall, kTooLong, kBadBuffer };
inline constexpr auto kTransmitDrops = Labels<TransmitDrop>({
    {TransmitDrop::kRingFull, "ring-full", "the peer has no free buffer left"},
    {TransmitDrop::kPortDown, "port-down", "no peer is connected, or its ring is in error"},
    {TransmitDrop::kBufferTooSmall, "buffer-too-small",
     "64 of the peer's buffers do not hold the frame"},
    {TransmitDrop::kTooLong, "too-long", "longer than the MTU of the port it goes to"},
    {TransmitDrop::kBadBuffer, "bad-buffer",
     "a buffer that the peer offers is not in the shared memory; it went back empty"},
});

// What one or more calls of Transmit did.
struct TransmitTally {
  uint64_t packets = 0;       // written
  uint64_t bytes = 0;         // of their frames
  uint64_t copied_bytes = 0;  // frame bytes stored into shared memory, counted where it is done
  uint64_t dropped = 0;       // the sum of `drops`
  std::array<uint32_t, kTransmitDrops.size()> drops{};
};

// What became of one packet: kSent or a TransmitDrop.
using TransmitResult = uint8_t;
inline constexpr TransmitResult kSent = 0xff;

class RingWriter {
 public:
  // Writes packets[0, count) in order, or drops them; `mtu` is the port's, in bytes without the
  // Ethernet header. Adds to `tally`. results[i] says what became of packet i. The peer sees
  // nothing of it before Publish.
  void Transmit(Queue& queue, const RingView& view, uint32_t mtu, Packet* const* packets,
                size_t count, TransmitTally& tally, TransmitResult* results);

  // Publishes what was written, once a ring and dispatch. True if the peer wants to be interrupted.
  [[nodiscard]] static bool Publish(Queue& queue, const RingView& view);

 private:
  TransmitResult Write(Queue& queue, const RingView& view, size_t available, const Packet& packet,
                       TransmitTally& tally);
  TransmitResult WriteSpread(Queue& queue, const RingView& view, size_t available,
                             const Packet& packet, const Descriptor& first, TransmitTally& tally);

  std::array<Segment, kMaxChain> pieces_;
  std::array<Descriptor, kMaxChain> descriptors_;
  const bool wide_copy_ = HasWideCopy();
};

}  // namespace weft::memif
