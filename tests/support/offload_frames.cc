// SPDX-License-Identifier: Apache-2.0
#include "tests/support/offload_frames.h"

#include <algorithm>
#include <stdexcept>

namespace weft::testing {
namespace {

uint32_t Get(const Bytes& bytes, size_t at, size_t width) {
  uint32_t value = 0;
  for (size_t i = 0; i < width; ++i) value = value << 8 | bytes.at(at + i);
  return value;
}

void Put(Bytes& bytes, size_t at, size_t width, uint32_t value) {
  for (size_t i = 0; i < width; ++i) {
    bytes.at(at + i) = static_cast<uint8_t>(value >> (8 * (width - 1 - i)));
  }
}

// RFC 1071, one byte after the other; each carry is added at once.
uint16_t Sum(const Bytes& bytes, size_t from, size_t to, uint32_t start) {
  uint32_t sum = start;
  for (size_t i = from; i < to; ++i) {
    sum += (i - from) % 2 == 0 ? uint32_t{bytes.at(i)} << 8 : bytes.at(i);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return static_cast<uint16_t>(sum);
}

struct Layers {
  size_t network = 14;
  size_t transport = 0;
  size_t header = 0;
  size_t end = 0;
  bool ipv6 = false;
  bool udp = false;
};

Layers LayersOf(const Bytes& frame) {
  Layers at;
  uint32_t type = Get(frame, 12, 2);
  if (type == 0x8100) {
    at.network = 18;
    type = Get(frame, 16, 2);
  }
  at.ipv6 = type == 0x86dd;
  at.transport = at.network + (at.ipv6 ? 40 : (frame.at(at.network) & 15) * 4U);
  at.udp = frame.at(at.network + (at.ipv6 ? 6 : 9)) == 17;
  at.header = at.transport + (at.udp ? 8 : (frame.at(at.transport + 12) >> 4) * 4U);
  at.end = at.ipv6 ? at.transport + Get(frame, at.network + 4, 2)
                   : at.network + Get(frame, at.network + 2, 2);
  return at;
}

uint16_t TransportSum(const Bytes& frame, const Layers& at) {
  const size_t first = at.network + (at.ipv6 ? 8 : 12);
  uint32_t pseudo = Sum(frame, first, first + (at.ipv6 ? 32 : 8), at.udp ? 17 : 6);
  pseudo += static_cast<uint32_t>(at.end - at.transport);
  if (pseudo > 0xffff) pseudo -= 0xffff;
  return Sum(frame, at.transport, at.end, pseudo);
}

}  // namespace

Bytes TransportFrame::Build() const {
  Bytes frame(header() + payload);
  std::copy_n(destination.octets().begin(), 6, frame.begin());
  std::copy_n(source.octets().begin(), 6, frame.begin() + 6);
  if (tagged) {
    Put(frame, 12, 2, 0x8100);
    Put(frame, 14, 2, 7);
  }
  Put(frame, network() - 2, 2, ipv6 ? 0x86dd : 0x0800);
  const auto size = static_cast<uint32_t>(frame.size());
  if (ipv6) {
    frame[network()] = 0x60;
    Put(frame, network() + 4, 2, size - transport());
    frame[network() + 6] = udp ? 17 : 6;
    frame[network() + 7] = 64;
    for (size_t i = 0; i < 32; ++i) {
      frame[network() + 8 + i] = static_cast<uint8_t>(0xfd + i * 7 + seed);
    }
  } else {
    frame[network()] = static_cast<uint8_t>(0x45 + ip_options / 4);
    Put(frame, network() + 2, 2, size - network());
    Put(frame, network() + 4, 2, identification);
    frame[network() + 6] = 0x40;
    frame[network() + 8] = 64;
    frame[network() + 9] = udp ? 17 : 6;
    Put(frame, network() + 12, 4, 0x0a00'0001 + seed);
    Put(frame, network() + 16, 4, 0x0a00'0002);
    for (size_t i = 0; i < ip_options; ++i) frame[network() + 20 + i] = 1;  // no operation
    Put(frame, network() + 10, 2, 0xffffU - Sum(frame, network(), transport(), 0));
  }
  Put(frame, transport(), 4, 0x3039'0050 + seed);  // ports
  if (udp) {
    Put(frame, transport() + 4, 2, size - transport());
  } else {
    Put(frame, transport() + 4, 4, sequence);
    Put(frame, transport() + 8, 4, 0x2000'0000);
    frame[transport() + 12] = static_cast<uint8_t>((20 + tcp_options) / 4 << 4);
    frame[transport() + 13] = tcp_flags;
    Put(frame, transport() + 14, 2, 0x1000);
    for (size_t i = 0; i < tcp_options; ++i) frame[transport() + 20 + i] = 1;
  }
  for (size_t i = header(); i < frame.size(); ++i) {
    frame[i] = static_cast<uint8_t>(i * 31 + (i >> 8) + seed);
  }
  return frame;
}

VirtioNetHeader TransportFrame::Ask(uint16_t segment_size) const {
  VirtioNetHeader asked{.flags = kNeedsChecksum,
                        .csum_start = static_cast<uint16_t>(transport()),
                        .csum_offset = static_cast<uint16_t>(udp ? 6 : 16)};
  if (segment_size != 0) {
    asked.gso_type = ipv6 ? kGsoTcp6 : kGsoTcp4;
    asked.gso_size = segment_size;
    asked.hdr_len = static_cast<uint16_t>(header());
  }
  return asked;
}

std::string WhatIsWrong(const Bytes& frame) {
  const Layers at = LayersOf(frame);
  if (at.end != frame.size()) return "the length of IP";
  if (!at.ipv6 && Sum(frame, at.network, at.transport, 0) != 0xffff) return "the checksum of IPv4";
  if (at.udp && Get(frame, at.transport + 4, 2) != at.end - at.transport)
    return "the length of UDP";
  if (at.udp && Get(frame, at.transport + 6, 2) == 0) return "no checksum of UDP";
  return TransportSum(frame, at) == 0xffff ? "" : "the checksum";
}

bool TransportIsRight(const Bytes& frame) {
  try {
    const Layers at = LayersOf(frame);
    return at.header <= at.end && at.end <= frame.size() && TransportSum(frame, at) == 0xffff;
  } catch (const std::out_of_range&) {
    return false;  // it has no such headers
  }
}

Bytes Completed(Bytes frame) {
  const Layers at = LayersOf(frame);
  if (!at.ipv6) {
    Put(frame, at.network + 10, 2, 0);
    Put(frame, at.network + 10, 2, 0xffffU - Sum(frame, at.network, at.transport, 0));
  }
  const size_t field = at.transport + (at.udp ? 6 : 16);
  Put(frame, field, 2, 0);
  uint32_t sum = 0xffffU - TransportSum(frame, at);
  if (at.udp && sum == 0) sum = 0xffff;
  Put(frame, field, 2, sum);
  return frame;
}

std::vector<Bytes> ReferenceSegments(const Bytes& frame, uint16_t segment_size) {
  const Layers at = LayersOf(frame);
  std::vector<Bytes> segments;
  for (size_t from = at.header; from < frame.size(); from += segment_size) {
    const size_t to = std::min(frame.size(), from + segment_size);
    Bytes segment(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(at.header));
    segment.insert(segment.end(), frame.begin() + static_cast<ptrdiff_t>(from),
                   frame.begin() + static_cast<ptrdiff_t>(to));
    const auto size = static_cast<uint32_t>(segment.size());
    if (at.ipv6) {
      Put(segment, at.network + 4, 2, size - static_cast<uint32_t>(at.transport));
    } else {
      Put(segment, at.network + 2, 2, size - static_cast<uint32_t>(at.network));
      Put(segment, at.network + 4, 2,
          Get(frame, at.network + 4, 2) + static_cast<uint32_t>(segments.size()));
    }
    Put(segment, at.transport + 4, 4,
        Get(frame, at.transport + 4, 4) + static_cast<uint32_t>(from - at.header));
    uint8_t& flags = segment[at.transport + 13];
    if (to != frame.size()) flags &= 0xf6;  // FIN and PSH
    if (!segments.empty()) flags &= 0x7f;   // CWR
    segments.push_back(Completed(std::move(segment)));
  }
  return segments;
}

}  // namespace weft::testing
