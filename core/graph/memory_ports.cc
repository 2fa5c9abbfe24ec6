// SPDX-License-Identifier: Apache-2.0
#include "core/graph/memory_ports.h"

#include <algorithm>
#include <utility>

#include "core/packet/offload_request.h"

namespace weft {
namespace {

std::vector<uint8_t> BytesOf(const Packet& packet) {
  std::vector<uint8_t> bytes(packet.length());
  std::copy_n(packet.header(), packet.header_length(), bytes.data());
  size_t at = packet.header_length();
  for (size_t i = 0; i < packet.segment_count(); ++i) {
    const Segment& segment = packet.segment(i);
    segment.data.CopyOut(bytes.data() + at, segment.length);
    at += segment.length;
  }
  return bytes;
}

}  // namespace

void MemoryInput::Poll(Frame& frame) {
  const size_t limit = std::min(ports_.vector_limit, frame.room());
  // What is in flight stays where it is: packets borrow of it.
  ports_.in_flight.reserve(limit);
  while (frame.size() < limit && !ports_.waiting.empty()) {
    Packet* packet = graph_->pool().Take();
    if (packet == nullptr) return;
    ports_.in_flight.push_back(std::move(ports_.waiting.front()));
    ports_.waiting.pop_front();
    MemoryPorts::Waiting& from = ports_.in_flight.back();
    const size_t header = std::min({from.header_length, from.frame.size(), Packet::kMaxHeader});
    // A short header ends where the packet's memory ends: who reads beyond it is caught.
    uint8_t* to = packet->snapshot() + Packet::kSnapshot - header;
    std::copy_n(from.frame.data(), header, to);
    packet->Reset(from.port, to, static_cast<uint32_t>(header));
    if (from.frame.size() > header) {
      packet->SetPayload({ForeignPtr(from.frame.data() + header),
                          static_cast<uint32_t>(from.frame.size() - header)});
    }
    if (from.trace != 0) {
      packet->set_trace(from.trace);
      frame.set_traced(true);
    }
    port_counters(from.port).rx_packets.Add();
    port_counters(from.port).rx_bytes.Add(from.frame.size());
    frame.Push(packet);
  }
}

void MemoryOutput::Process(Frame& frame) {
  for (Packet* packet : frame) {
    const PortId port = packet->out_port();
    if (const auto full = ports_.full.find(port); full != ports_.full.end() && full->second) {
      DropPacket(*packet, port, Drop::kRingFull);
      continue;
    }
    const auto mtu = ports_.mtu.find(port);
    if (mtu != ports_.mtu.end() &&
        ExceedsMtu(packet->header(), LongestFrame(*packet), mtu->second)) {
      DropPacket(*packet, port, Drop::kTooLong);
      continue;
    }
    TraceSent(*packet);
    if (!packet->offload().any()) {
      Write(*packet);
    } else {
      for (const Packet* made : software_.Apply(*packet)) Write(*made);
    }
  }
}

void MemoryOutput::Write(const Packet& packet) {
  const PortId port = packet.out_port();
  port_counters(port).tx_packets.Add();
  port_counters(port).tx_bytes.Add(packet.length());
  ports_.sent[port].push_back(BytesOf(packet));
}

}  // namespace weft
