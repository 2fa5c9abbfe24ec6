// SPDX-License-Identifier: Apache-2.0
#include "core/packet/software_offload.h"

#include <algorithm>
#include <cstring>

#include "core/packet/transport.h"

namespace weft {
namespace {

// One of the packets that a packet becomes: its headers, and which part of the payload it has.
struct Part {
  uint32_t index = 0;
  uint32_t offset = 0;  // into the payload, bytes
  uint32_t length = 0;
  bool last = false;
};

// Lengths and number of an IP header that stands for a part of `length` bytes behind it.
void WriteNetwork(uint8_t* frame, const Transport& at, uint32_t length, uint32_t index) {
  uint8_t* const ip = frame + at.network;
  if (at.ipv6) {
    Write16(ip + 4, length);
    return;
  }
  Write16(ip + 2, at.transport - at.network + length);
  // One number a packet, whether or not it may be fragmented (RFC 6864 §4.1 allows any if not).
  Write16(ip + 4, Read16(ip + 4) + index);
  Write16(ip + 10, 0);
  const uint16_t sum = static_cast<uint16_t>(~Fold(SumWords(ip, at.transport - at.network)));
  std::memcpy(ip + 10, &sum, sizeof(sum));
}

// RFC 9293 §3.1: FIN and PSH belong to the last byte. RFC 3168 §6.1.2: CWR is said once.
void WriteTcp(uint8_t* tcp, const Part& part) {
  Write32(tcp + 4, Read32(tcp + 4) + part.offset);
  if (!part.last) tcp[13] &= static_cast<uint8_t>(~(tcp::kFin | tcp::kPush));
  if (part.index != 0) tcp[13] &= static_cast<uint8_t>(~tcp::kCwr);
}

void WriteChecksum(uint8_t* frame, const Transport& at, const uint8_t* payload, uint32_t length) {
  uint8_t* const field = frame + at.transport + (at.udp ? udp::kChecksum : tcp::kChecksum);
  Write16(field, 0);
  const uint32_t header = at.payload - at.transport;
  const uint64_t sum = SumPseudoHeader(frame, at, header + length) +
                       SumWords(frame + at.transport, header) + SumWords(payload, length);
  auto checksum = static_cast<uint16_t>(~Fold(sum));
  if (at.udp && checksum == 0) checksum = 0xffff;  // 0 says that there is none (RFC 768)
  std::memcpy(field, &checksum, sizeof(checksum));
}

}  // namespace

SoftwareOffload::SoftwareOffload()
    : payload_(new uint8_t[kMaxOffloadFrame]), slots_(new PacketSlot[kMaxSegments]) {
  for (size_t i = 0; i < kMaxSegments; ++i) packets_[i] = &slots_[i].packet;
}
SoftwareOffload::~SoftwareOffload() = default;

// Copies the frame from byte `from` on, which is in its private header or where that ends. Each
// byte is loaded once.
const uint8_t* SoftwareOffload::Gather(const Packet& packet, uint32_t from) {
  uint8_t* to = payload_.get();
  const uint32_t known = packet.header_length() - from;
  std::memcpy(to, packet.header() + from, known);
  to += known;
  for (size_t i = 0; i < packet.segment_count(); ++i) {
    const Segment& segment = packet.segment(i);
    segment.data.CopyOut(to, segment.length);
    to += segment.length;
  }
  return payload_.get();
}

std::span<Packet* const> SoftwareOffload::Apply(const Packet& packet) {
  const Offload offload = packet.offload();
  const bool tso = offload.is_tso();
  Transport at;
  const bool known = FindTransport(packet, at) == TransportFault::kNone &&
                     at.transport == offload.checksum_start() && at.udp == offload.is_udp() &&
                     (!tso || at.end == packet.length()) && packet.length() <= kMaxOffloadFrame;
  // It was so when the packet came in. If a feature has written other headers since, there is
  // nothing that could be done right: it goes on as it is, and may be too long for where it goes.
  if (!known) [[unlikely]] {
    Packet& same = *packets_[0];
    same.CloneFrom(packet);
    same.set_offload({});
    same.set_out_port(packet.out_port());
    same.set_out_group(packet.out_group());
    return {packets_.data(), 1};
  }
  const uint8_t* const payload = Gather(packet, at.payload);
  const uint32_t total = (tso ? at.end : packet.length()) - at.payload;
  const uint32_t size = tso ? offload.segment_size : total;
  size_t count = 0;
  Part part;
  do {
    part.index = static_cast<uint32_t>(count);
    part.length = std::min(size, total - part.offset);
    part.last = part.offset + part.length == total;
    Packet& made = *packets_[count++];
    uint8_t* const frame = made.snapshot() + Packet::kVirtioNetHeader;
    std::memcpy(frame, packet.header(), at.payload);
    made.Reset(packet.in_port(), frame, at.payload);
    made.set_out_port(packet.out_port());
    made.set_out_group(packet.out_group());
    if (part.index == 0) made.set_trace(packet.trace());
    if (part.length != 0) {
      made.SetPayload({ForeignPtr(payload_.get() + part.offset), part.length});
    }
    // Behind the IP packet there may be padding, which no checksum covers.
    const uint32_t summed = tso ? part.length : at.end - at.payload;
    if (tso) {
      WriteNetwork(frame, at, at.payload - at.transport + part.length, part.index);
      WriteTcp(frame + at.transport, part);
    }
    WriteChecksum(frame, at, payload + part.offset, summed);
    part.offset += part.length;
  } while (!part.last && count < kMaxSegments);
  return {packets_.data(), count};
}

}  // namespace weft
