// SPDX-License-Identifier: Apache-2.0
// A packet on its way through the graph: private headers, payload borrowed from whoever sent it,
// and where it came from and goes. One cache line of description, followed by its header room.
//
// Lifetime: an input node allocates packets from its worker's PacketPool; they, their headers and
// what they borrow are valid until the dispatch of this input vector ends. Only the worker that
// polled a packet ever touches it.
//
//   header room (192 bytes):   [ 64 headroom, for tags and tunnels | 128 snapshot ]
//   the snapshot of a container's packet: [ 12 virtio-net header | 116 first bytes of the frame ]
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "core/base/ids.h"
#include "core/packet/ethernet.h"
#include "core/packet/foreign.h"
#include "core/packet/offload.h"

namespace weft {

// A piece of payload in foreign memory (a container's) or in an mbuf.
struct Segment {
  ForeignPtr data;
  uint32_t length = 0;  // bytes
};

class alignas(64) Packet {
 public:
  static constexpr size_t kHeadroom = 64;
  static constexpr size_t kSnapshot = 128;
  static constexpr size_t kVirtioNetHeader = 12;  // virtio 1.2 §5.1.6
  static constexpr size_t kMaxHeader =
      kSnapshot - kVirtioNetHeader;  // bytes of a frame that a snapshot holds

  // The frame's first bytes, private and contiguous: at least kMinFrame, at most kMaxHeader from a
  // container.
  const uint8_t* header() const { return header_; }
  uint32_t header_length() const { return header_length_; }
  // The whole frame in bytes, headers and payload, without virtio-net header and check sequence.
  uint32_t length() const { return static_cast<uint32_t>(length_and_offload_); }
  uint32_t payload_length() const { return length() - header_length_; }
  // What is left to do for whoever sends the packet on: see core/packet/offload.h. Mostly nothing.
  Offload offload() const { return std::bit_cast<Offload>(Word(length_and_offload_ >> 32)); }
  // True if nothing is left to do and the frame has at most `bytes`: one comparison for both.
  bool IsPlainWithin(uint32_t bytes) const { return length_and_offload_ <= bytes; }

  // The Ethernet header; input nodes drop what is too short to have one.
  const EthernetHeader& ethernet() const {
    return *reinterpret_cast<const EthernetHeader*>(header_);
  }

  PortId in_port() const { return in_port_; }
  PortId out_port() const { return out_port_; }
  void set_out_port(PortId port) { out_port_ = port; }
  GroupId out_group() const { return out_group_; }
  void set_out_group(GroupId group) { out_group_ = group; }
  bool traced() const { return trace_ != 0; }
  // Number of this packet's trace, or 0: see core/trace.
  uint16_t trace() const { return trace_; }
  void set_trace(uint16_t trace) { trace_ = trace; }

  // Payload pieces, in order; together payload_length() bytes. They may be rewritten by the sender
  // at any time.
  size_t segment_count() const { return segment_count_; }
  const Segment& segment(size_t i) const { return i == 0 ? first_segment_ : more_segments_[i - 1]; }

  // For input nodes: makes this a packet of `port` whose header bytes are `header[0,
  // header_length)`. At least kVirtioNetHeader bytes before `header` must be writable: output nodes
  // put their own header there.
  void Reset(PortId port, uint8_t* header, uint32_t header_length) {
    header_ = header;
    header_length_ = header_length;
    length_and_offload_ = header_length;
    in_port_ = port;
    out_port_ = PortId();
    out_group_ = GroupId();
    segment_count_ = 0;
    trace_ = 0;
  }
  // For input nodes: appends the only, or the first, piece of payload.
  void SetPayload(Segment segment) {
    first_segment_ = segment;
    segment_count_ = 1;
    length_and_offload_ = header_length_ + segment.length;
  }
  // For input nodes: `more[0, count)` follow the first piece and live as long as the packet.
  void SetMorePayload(const Segment* more, size_t count) {
    more_segments_ = more;
    segment_count_ = static_cast<uint16_t>(1 + count);
    for (size_t i = 0; i < count; ++i) length_and_offload_ += more[i].length;
  }
  // For input nodes, when the payload is there: what the sender left to do, and was found to fit
  // the frame. An Offload{} says that nothing is left.
  void set_offload(Offload offload) {
    length_and_offload_ = uint64_t{std::bit_cast<uint32_t>(offload)} << 32 | length();
  }
  // For the flood node: the same frame once more; header bytes and payload are shared with
  // `original`, and the same is left to do.
  void CloneFrom(const Packet& original) {
    header_ = original.header_;
    more_segments_ = original.more_segments_;
    first_segment_ = original.first_segment_;
    length_and_offload_ = original.length_and_offload_;
    header_length_ = original.header_length_;
    segment_count_ = original.segment_count_;
    in_port_ = original.in_port_;
    out_port_ = PortId();
    out_group_ = GroupId();
    trace_ = original.trace_;
  }
  // For who keeps a packet: the same frame, whose bytes are copied to these places. `more[0, pieces
  // - 1)` follow the first of the pieces, and live as long as the packet.
  void MoveTo(uint8_t* header, uint32_t header_length, Segment first, const Segment* more,
              size_t pieces) {
    header_ = header;
    header_length_ = header_length;
    first_segment_ = first;
    more_segments_ = more;
    segment_count_ = static_cast<uint16_t>(pieces);
  }

  // For output nodes: the kVirtioNetHeader bytes before the frame, to be filled before the header
  // is copied out.
  uint8_t* virtio_net_header() { return header_ - kVirtioNetHeader; }
  // For input nodes, whose header bytes nobody shares yet: header(), to be written.
  uint8_t* own_header() { return header_; }
  // This packet's own header room.
  uint8_t* headroom() { return reinterpret_cast<uint8_t*>(this) + sizeof(Packet); }
  uint8_t* snapshot() { return headroom() + kHeadroom; }

 private:
  static constexpr uint32_t Word(uint64_t word) { return static_cast<uint32_t>(word); }

  uint8_t* header_ = nullptr;
  const Segment* more_segments_ = nullptr;
  Segment first_segment_;
  uint64_t length_and_offload_ = 0;  // the low half: bytes of the frame; the high: the Offload
  PortId in_port_;
  PortId out_port_;
  GroupId out_group_;
  uint16_t segment_count_ = 0;
  uint16_t trace_ = 0;
  uint32_t header_length_ = 0;
};
static_assert(sizeof(Packet) == 64);

// A packet with its header room: what a PacketPool hands out.
struct PacketSlot {
  Packet packet;
  alignas(64) uint8_t room[Packet::kHeadroom + Packet::kSnapshot];
};
static_assert(sizeof(PacketSlot) == 256);

}  // namespace weft
