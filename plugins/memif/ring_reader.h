// SPDX-License-Identifier: Apache-2.0
// Takes frames out of the ring that the peer fills. One RingReader a worker; it reads all rings
// whose ports are placed there.
//
// Rules (docs/dev/hostile.md): every field is loaded once and the copy is validated. The first 116
// bytes of a frame are copied into the packet, and that copy is what everybody decides on and what
// is sent. The rest stays where it is, borrowed until Finish. A bad frame is counted, its buffers
// returned, and the next one goes on; a bad ring fails its queue.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "plugins/memif/ring.h"

namespace weft::memif {

// Why a peer's frame never became a packet.
enum class ReceiveDrop : uint8_t { kRunt, kTooLong, kChainTooLong, kChainCut, kUnmapped };
inline constexpr auto kReceiveDrops = Labels<ReceiveDrop>({
    {ReceiveDrop::kRunt, "runt", "shorter than an Ethernet header"},
    {ReceiveDrop::kTooLong, "too-long", "longer than the port's MTU, or than 9216 bytes"},
    {ReceiveDrop::kChainTooLong, "chain-too-long", "a frame of more than 64 descriptors"},
    {ReceiveDrop::kChainCut, "chain-cut",
     "a descriptor says that the frame goes on, and there is none more"},
    {ReceiveDrop::kUnmapped, "unmapped",
     "a descriptor's buffer is not, or not wholly, in one region of the shared memory"},
});

// What one or more calls of Receive did.
struct ReceiveTally {
  uint64_t packets = 0;
  uint64_t bytes = 0;           // of frames that became packets
  uint64_t snapshot_bytes = 0;  // of these, how many were copied into header snapshots
  uint64_t dropped = 0;         // the sum of `drops`
  uint64_t begin = 0;           // TSC when the last call found frames
  std::array<uint32_t, kReceiveDrops.size()> drops{};
};

class RingReader {
 public:
  RingReader();
  ~RingReader();

  // Takes up to min(max, kMaxBurst, pool.available()) frames off the ring and makes packets of
  // `queue.port()` of the good ones, in order, at out[0...]. `mtu` is the port's, in bytes without
  // the Ethernet header. Returns the number of packets. Adds to `tally`. Fails the queue if the
  // ring is bad; what was good before that is returned all the same.
  size_t Receive(Queue& queue, const RingView& view, uint32_t mtu, PacketPool& pool, Packet** out,
                 size_t max, ReceiveTally& tally);

  // Ends the dispatch for one ring: every buffer that Receive took goes back to the peer.
  static void Finish(Queue& queue, const RingView& view);

  // Ends the dispatch for this reader: what packets borrowed is invalid from here on.
  void EndDispatch() { segments_taken_ = 0; }

 private:
  enum class Fault : uint8_t { kNone, kTooLong, kChainTooLong, kChainCut, kUnmapped };
  // A frame whose descriptors were loaded.
  struct Staged {
    Segment* pieces;  // none is empty
    size_t count;
    uint64_t bytes;
    Fault fault;
  };
  static constexpr size_t kStep = 32;  // frames that are looked at before the first is copied
  static constexpr size_t kMaxSegments = kMaxBurst * kMaxChain;

  size_t Stage(const RingView& view, uint16_t position, size_t available, Staged& staged);
  bool Take(const Staged& staged, PortId port, uint32_t mtu, Packet& packet, ReceiveTally& tally);

  std::array<Staged, kStep> staged_;
  // Payload pieces of this dispatch's packets.
  std::unique_ptr<Segment[]> segments_;
  size_t segments_taken_ = 0;
};

}  // namespace weft::memif
