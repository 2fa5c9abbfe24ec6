// SPDX-License-Identifier: Apache-2.0
// Takes frames out of the ring that a container transmits on (virtio 1.2 §2.7, §2.8, §5.1.6.2): the
// hottest code of weft. One RingReader a worker; it reads all rings whose ports are placed there.
//
// Rules (hostile.md): every field is loaded once and the copy is validated. The virtio-net header
// and the first 116 bytes of the frame are copied into the packet, and that copy is what everybody
// decides on and what is sent. The rest of the frame stays where it is, borrowed until Finish. A
// bad frame is counted, its chain returned, and the next one goes on; a bad ring fails its queue.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/base/labels.h"
#include "core/packet/packet.h"
#include "core/packet/packet_pool.h"
#include "nodes/vhost/chain.h"
#include "nodes/vhost/packed_layout.h"
#include "nodes/vhost/queue.h"
#include "nodes/vhost/ring_layout.h"

namespace weft::vhost {

// Why a container's frame never became a packet.
enum class ReceiveDrop : uint8_t {
  kRunt,
  kTooLong,
  kBadOffload,
  kOffloadUnsupported,
  kTooManySegments,
  kBadDirection,
  kBadNext,
  kChainLoop,
  kChainTooLong,
  kBadIndirect,
  kUnmapped,
};
inline constexpr auto kReceiveDrops = Labels<ReceiveDrop>({
    {ReceiveDrop::kRunt, "runt", "shorter than an Ethernet header"},
    {ReceiveDrop::kTooLong, "too-long",
     "longer than the port's MTU, or than 9216 bytes; with segments to be cut: one of them, or "
     "than "
     "65553 bytes"},
    {ReceiveDrop::kBadOffload, "bad-offload",
     "its virtio-net header asks for an offload that was not negotiated, or that its own headers "
     "contradict"},
    {ReceiveDrop::kOffloadUnsupported, "offload-unsupported",
     "its virtio-net header asks for an offload of something else than TCP or UDP right behind "
     "IPv4 "
     "or IPv6, of a fragment, or of headers longer than 116 bytes"},
    {ReceiveDrop::kTooManySegments, "too-many-segments",
     "its virtio-net header asks for more than 128 segments"},
    {ReceiveDrop::kBadDirection, "bad-direction",
     "a descriptor on the transmit ring is one for the device to write"},
    {ReceiveDrop::kBadNext, "bad-next", "a descriptor's next is outside of the table"},
    {ReceiveDrop::kChainLoop, "chain-loop", "a chain of descriptors comes back to itself"},
    {ReceiveDrop::kChainTooLong, "chain-too-long", "a chain of more than 64 descriptors"},
    {ReceiveDrop::kBadIndirect, "bad-indirect",
     "an indirect table that was not negotiated, is not alone at the head, is nested, or has an "
     "impossible length"},
    {ReceiveDrop::kUnmapped, "unmapped",
     "a descriptor's address is not, or not wholly, in one region of the container's memory"},
});

// What one or more calls of Receive did.
struct ReceiveTally {
  uint64_t packets = 0;
  uint64_t bytes = 0;           // of frames that became packets
  uint64_t snapshot_bytes = 0;  // of these, how many were copied into header snapshots
  uint64_t dropped = 0;         // the sum of `drops`
  uint64_t begin = 0;           // TSC when the last call found chains
  std::array<uint32_t, kReceiveDrops.size()> drops{};
};

// Chains of a container that may leave segments to be cut: as much as a vector of the longest
// frames else, so that others on its worker need not wait longer.
inline constexpr size_t kMaxTsoBurst = 64;

class RingReader {
 public:
  RingReader();
  ~RingReader();

  // Takes up to min(max, kMaxBurst, pool.available()) chains (kMaxTsoBurst where segments may be
  // left to be cut) off the ring and makes packets of
  // `queue.port()` of the good ones, in order, at out[0...]; out[0, max) is written. A dispatch
  // gets at least kMaxBurst packets out of one or more calls. `mtu` is the port's, in bytes without
  // the Ethernet header. Returns the number of packets. Adds to `tally`. Fails the queue if the
  // ring is bad; what was good before that is returned all the same.
  size_t Receive(Queue& queue, const RingView& view, uint32_t mtu, PacketPool& pool, Packet** out,
                 size_t max, ReceiveTally& tally);

  // Ends the dispatch for one ring: every chain that Receive took goes back to the container. True
  // if the container wants to be interrupted.
  [[nodiscard]] static bool Finish(Queue& queue, const RingView& view);

  // Ends the dispatch for this reader: what packets borrowed is invalid from here on.
  void EndDispatch() { segments_taken_ = 0; }

 private:
  // The first descriptor of a chain on its way through the look-ahead.
  struct Staged {
    Descriptor descriptor;
    ForeignPtr data;  // if it is all of the chain and good in itself, where it is
  };

  // What the copies of one Receive may take.
  struct Burst {
    const RingView& view;
    PortId port;
    uint32_t mtu;
    Packet** out;
    size_t count;
    ReceiveTally& tally;
  };
  using TakeFunction = size_t (RingReader::*)(const Burst&);

  size_t LoadHeads(Queue& queue, const RingView& view, size_t count);
  size_t LoadChains(Queue& queue, const RingView& view, size_t count);
  template <bool kPacked>
  void Stage(const RingView& view, size_t first, size_t last);
  template <bool kPacked>
  size_t Take(const Burst& burst);
  // The same, compiled for what this machine has.
  template <bool kPacked>
  size_t TakeBaseline(const Burst& burst);
  template <bool kPacked>
  size_t TakeAvx2(const Burst& burst);
  static bool IsGood(const Burst& burst, Packet& packet);
  template <bool kPacked>
  bool Gather(const Burst& burst, size_t chain, const Descriptor& first, Packet& packet);

  static constexpr size_t kWindow = 32;  // more than are ever staged at once; a power of two
  // Payload pieces of a packet beyond the first.
  static constexpr size_t kMaxMoreSegments = kMaxChain - 1;
  static constexpr size_t kMaxSegments = kMaxBurst * kMaxMoreSegments;

  // Snapshots of a packed ring's descriptors that one Receive takes at most: full vectors of chains
  // of four.
  static constexpr size_t kMaxLoaded = 4 * kMaxBurst;

  const TakeFunction take_split_;
  const TakeFunction take_packed_;
  uint16_t first_ = 0;  // position of heads_[0]
  // Of each chain: its head, an index into the split ring's table; or where its descriptors begin
  // in loaded_, and behind the last chain where they end.
  std::array<uint16_t, kMaxBurst + 1> heads_;
  std::unique_ptr<Descriptor[]> loaded_;
  std::array<Staged, kWindow> staged_;
  Chain chain_;
  // Payload pieces beyond the first of this dispatch's packets.
  std::unique_ptr<Segment[]> segments_;
  size_t segments_taken_ = 0;
};

}  // namespace weft::vhost
