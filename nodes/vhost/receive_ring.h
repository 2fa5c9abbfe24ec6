// SPDX-License-Identifier: Apache-2.0
// Writes frames into the ring that a container receives on (virtio 1.2 §2.7, §2.8, §5.1.6.4). One
// RingWriter a worker; several workers may write one ring, which has a lock held for one burst.
//
// The private header bytes go out as they were decided on, with a fresh virtio-net header before
// them, in one copy of exactly their length; the payload goes from the sender's memory straight to
// the receiver's. Nothing else is written: bytes behind a frame would be another tenant's.
//
// A chain is taken only if its frame fits. With MRG_RXBUF a frame may take several. A frame that
// finds no room is dropped at once, and the ring is as if it had never come. A chain that is bad in
// itself goes back with length 0, as drivers expect of a frame that was lost, and takes the frame
// with it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/base/labels.h"
#include "core/packet/packet.h"
#include "nodes/vhost/chain.h"
#include "nodes/vhost/queue.h"
#include "nodes/vhost/ring.h"

namespace weft::vhost {

// Why a packet did not reach a container.
enum class TransmitDrop : uint8_t {
  kRingFull,
  kPortDown,
  kBufferTooSmall,
  kTooLong,
  kBadBuffer,
};
inline constexpr auto kTransmitDrops = Labels<TransmitDrop>({
    {TransmitDrop::kRingFull, "ring-full", "the container has no receive buffer left"},
    {TransmitDrop::kPortDown, "port-down", "no container is attached, or its ring is in error"},
    {TransmitDrop::kBufferTooSmall, "buffer-too-small",
     "the container's receive buffers do not hold the frame"},
    {TransmitDrop::kTooLong, "too-long",
     "longer than the MTU of the port it goes to; with segments to be cut: one of them"},
    {TransmitDrop::kBadBuffer, "bad-buffer",
     "the descriptors of a receive buffer are broken; it went back empty"},
});

// What one or more calls of Transmit did.
struct TransmitTally {
  uint64_t packets = 0;       // written
  uint64_t bytes = 0;         // of their frames
  uint64_t copied_bytes = 0;  // frame bytes stored into container memory, counted where it is done
  uint64_t dropped = 0;       // the sum of `drops`
  std::array<uint32_t, kTransmitDrops.size()> drops{};
};

// What became of one packet: kSent or a TransmitDrop.
using TransmitResult = uint8_t;
inline constexpr TransmitResult kSent = 0xff;

class RingWriter {
 public:
  RingWriter();

  // Writes packets[0, count) in order, or drops them; `mtu` is the port's, in bytes without the
  // Ethernet header. Adds to `tally`. results[i], unless `results` is null, says what became of
  // packet i. The container sees nothing of it before Publish.
  //
  // Ends before a packet that leaves more to be done than the container takes (RingView::taken):
  // SoftwareOffload makes others of it. Returns how many packets were written or dropped.
  [[nodiscard]] size_t Transmit(Queue& queue, const RingView& view, uint32_t mtu,
                                Packet* const* packets, size_t count, TransmitTally& tally,
                                TransmitResult* results = nullptr);

  // Publishes what was written, once a ring and dispatch. True if the container wants to be
  // interrupted.
  [[nodiscard]] static bool Publish(Queue& queue, const RingView& view);

 private:
  // The first descriptor of an available chain; of a packed ring, any descriptor.
  struct Staged {
    Descriptor descriptor;
    ForeignPtr data;    // if it is all of the chain and good, where it is
    uint16_t head = 0;  // what the used element will say
  };
  // Chains taken for one frame.
  struct Reserved {
    uint16_t head = 0;
    uint16_t positions = 0;  // of the ring
    uint32_t length = 0;     // bytes that the frame will fill of it
  };
  enum class Found : uint8_t { kGood, kBad, kNone };
  // One burst: the ring, and how far it is staged. Positions are free-running like the ring's.
  struct Burst {
    Queue& queue;
    const RingView& view;
    uint16_t staged_end;     // chains [cursor.next_avail, staged_end) are staged
    uint16_t available_end;  // packed: nothing from here on; before it, who looks will see
    bool index_loaded = false;
    bool broken = false;
  };
  using SendFunction = size_t (RingWriter::*)(Burst&, uint32_t, Packet* const*, size_t,
                                              TransmitTally&);

  static constexpr size_t kWindow = 64;      // of staged chains; a power of two
  static constexpr size_t kMaxPieces = 256;  // descriptors that one frame may be spread over

  bool Refill(Burst& burst, size_t wanted);
  template <bool kPacked>
  void StageUntil(Burst& burst, uint16_t end);
  template <bool kPacked>
  Found NextChain(Burst& burst, uint16_t position, size_t chains, Reserved& reserved);
  Found NextPacked(Burst& burst, uint16_t position, Reserved& reserved);
  static void Break(Burst& burst, RingError reason);
  template <bool kPacked>
  static void Return(Burst& burst, const Reserved& reserved, uint32_t length);
  template <bool kPacked>
  size_t SendPlain(Burst& burst, uint32_t mtu, Packet* const* packets, size_t count,
                   TransmitTally& tally);
  // The same, compiled for what this machine has.
  template <bool kPacked>
  size_t SendBaseline(Burst& burst, uint32_t mtu, Packet* const* packets, size_t count,
                      TransmitTally& tally);
  template <bool kPacked>
  size_t SendAvx2(Burst& burst, uint32_t mtu, Packet* const* packets, size_t count,
                  TransmitTally& tally);
  TransmitResult Write(Burst& burst, uint32_t mtu, Packet& packet, TransmitTally& tally);
  template <bool kPacked>
  TransmitResult WriteSpread(Burst& burst, Packet& packet, TransmitTally& tally);
  template <bool kPacked>
  TransmitResult ReturnBad(Burst& burst, size_t chains);

  const SendFunction send_split_;
  const SendFunction send_packed_;
  const bool wide_copy_ = HasWideCopy();
  std::array<Staged, kWindow> staged_;
  std::array<Reserved, kMaxPieces> reserved_;
  std::array<Segment, kMaxPieces> pieces_;
  Chain chain_;
};

}  // namespace weft::vhost
