// SPDX-License-Identifier: Apache-2.0
#include "core/packet/offload_request.h"

#include <algorithm>
#include <cstring>

#include "core/packet/transport.h"

namespace weft {
namespace {

// The work that the header's bits name; more than kEveryOffload if one of them names none.
uint32_t NeedsOf(const VirtioNetHeader& asked) {
  constexpr uint32_t kUnknown = 0x100;
  uint32_t needs = (asked.flags & kNeedsChecksum) != 0 ? kOffloadChecksum : 0U;
  if ((asked.flags & ~kNeedsChecksum) != 0) needs |= kUnknown;
  if ((asked.gso_type & kGsoEcn) != 0) needs |= kOffloadEcn;
  switch (asked.gso_type & ~kGsoEcn) {
    case kGsoNone:
      return needs;
    case kGsoTcp4:
      return needs | kOffloadTso4;
    case kGsoTcp6:
      return needs | kOffloadTso6;
    default:
      return needs | kUnknown;
  }
}

// Makes a TSO of `offload`, or finds that one segment is enough.
OffloadFault ReadTso(uint16_t segment_size, const Packet& packet, const Transport& at,
                     Offload& offload) {
  if (at.udp || at.ipv6 != (offload.needs == (kOffloadChecksum | kOffloadTso6)) ||
      at.end != packet.length() || segment_size == 0) {
    return OffloadFault::kContradicted;
  }
  const uint32_t payload = at.end - at.payload;
  if (payload <= segment_size) {
    offload.needs = kOffloadChecksum;
    return OffloadFault::kNone;
  }
  if ((payload - 1) / segment_size >= kMaxSegments) return OffloadFault::kTooManySegments;
  offload.segment_size = segment_size;
  // Whoever sees CWR has to know what to do with it, whether or not the sender said so.
  if ((packet.header()[at.transport + 13] & tcp::kCwr) != 0) offload.needs |= kOffloadEcn;
  return OffloadFault::kNone;
}

}  // namespace

OffloadFault ReadOffload(const VirtioNetHeader& asked, OffloadSet allowed, Packet& packet) {
  const uint32_t needs = NeedsOf(asked);
  if ((needs & ~uint32_t{allowed}) != 0) return OffloadFault::kNotNegotiated;
  if (needs == 0) return OffloadFault::kNone;
  // virtio 1.2 §5.1.6.2.1: a GSO packet needs a checksum too, and ECN is a bit of a TSO.
  const bool tso = (needs & kOffloadTso) != 0;
  if ((needs & kOffloadChecksum) == 0 || ((needs & kOffloadEcn) != 0 && !tso)) {
    return OffloadFault::kContradicted;
  }
  Transport at;
  switch (FindTransport(packet, at)) {
    case TransportFault::kNone:
      break;
    case TransportFault::kUnknown:
      return OffloadFault::kUnsupported;
    case TransportFault::kMalformed:
      return OffloadFault::kContradicted;
  }
  Offload offload{.needs = static_cast<OffloadSet>(needs & ~uint32_t{kOffloadEcn}),
                  .transport = static_cast<uint8_t>(at.transport | (at.udp ? Offload::kUdp : 0U))};
  if (asked.csum_start != offload.checksum_start() ||
      asked.csum_offset != offload.checksum_offset()) {
    return OffloadFault::kContradicted;
  }
  if (tso) {
    const OffloadFault fault = ReadTso(asked.gso_size, packet, at, offload);
    if (fault != OffloadFault::kNone) return fault;
  }
  const uint16_t pseudo = Fold(SumPseudoHeader(packet.header(), at, at.end - at.transport));
  std::memcpy(packet.own_header() + at.transport + offload.checksum_offset(), &pseudo,
              sizeof(pseudo));
  packet.set_offload(offload);
  return OffloadFault::kNone;
}

namespace {

// Where the payload of a packet to be cut begins; in its private header, whoever changed that.
uint32_t PayloadOf(const Packet& packet, Offload offload) {
  const uint32_t transport = offload.checksum_start();
  const uint32_t end = packet.header_length();
  if (transport + 13 > end) return end;
  return std::min(end, transport + (packet.header()[transport + 12] >> 4) * 4U);
}

}  // namespace

void WriteOffload(const Packet& packet, VirtioNetHeader& header) {
  const Offload offload = packet.offload();
  const uint16_t num_buffers = header.num_buffers;
  header = VirtioNetHeader{.num_buffers = num_buffers};
  if (!offload.any()) return;
  header.flags = kNeedsChecksum;
  header.csum_start = static_cast<uint16_t>(offload.checksum_start());
  header.csum_offset = static_cast<uint16_t>(offload.checksum_offset());
  if (!offload.is_tso()) return;
  header.gso_type = (offload.needs & kOffloadTso4) != 0 ? kGsoTcp4 : kGsoTcp6;
  if ((offload.needs & kOffloadEcn) != 0) header.gso_type |= kGsoEcn;
  header.gso_size = offload.segment_size;
  header.hdr_len = static_cast<uint16_t>(PayloadOf(packet, offload));
}

uint32_t LongestFrame(const Packet& packet) {
  const Offload offload = packet.offload();
  if (!offload.is_tso()) return packet.length();
  return std::min(packet.length(), PayloadOf(packet, offload) + offload.segment_size);
}

}  // namespace weft
