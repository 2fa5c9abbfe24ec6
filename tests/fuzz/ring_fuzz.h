// SPDX-License-Identifier: Apache-2.0
// What the fuzz targets of the rings share. Arbitrary descriptors, indirect tables and headers in
// two containers' memory: frames are taken from one and written to the other. Whatever they say,
// every chain that was taken comes back once, packets are conserved, and what is written fits.
//
// With EVENT_IDX every frame is published by itself, and the container is interrupted exactly when
// it asked for it.
//
// Two more modes. Guarded: each buffer has an address of its own, and a guest field that is loaded
// twice for one frame aborts (builds with WEFT_COUNT_GUEST_LOADS). Free: addresses collide at will,
// buffers may be merged, and nobody counts loads.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <optional>
#include <span>
#include <utility>

#include "core/packet/packet_pool.h"
#include "nodes/vhost/receive_ring.h"
#include "nodes/vhost/split_ring.h"
#include "tests/fuzz/input.h"
#include "tests/nodes/vhost/guest_driver.h"

namespace weft::vhost::fuzz {

using testing::Guest;
using testing::GuestQueue;
using weft::fuzz::InputReader;
using weft::fuzz::Require;

struct Mode {
  bool guarded, mergeable, indirect, event_index;
};

// What both layouts are told about a run. Buffers are in `data`, rings in memory of their own,
// which no descriptor can reach.
inline void Prepare(GuestQueue& ring, Guest& data, Mode mode) {
  ring.view().memory = data.memory();
  ring.view().mergeable = mode.mergeable;
  ring.view().indirect = mode.indirect;
  ring.view().event_index = mode.event_index;
  if (mode.event_index) ring.view().call = CallHandle{0};
}

// A length that is often near a limit.
inline uint32_t ChooseLength(InputReader& input) {
  constexpr uint32_t kLengths[] = {0,  1,   11,   12,   13,   25,         26,        60,
                                   76, 128, 1526, 2048, 9228, 0xffffffff, 0xfffffff0};
  const uint8_t choice = input.Byte();
  return choice < std::size(kLengths) ? kLengths[choice] : input.Short() % 2048u;
}

inline uint64_t ChooseAddress(InputReader& input, Guest& data, uint32_t length, Mode mode) {
  const uint8_t choice = input.Byte();
  switch (choice) {
    case 1:
      return 0;
    case 2:
      return data.end() - length + 1;
    case 3:
      return ~uint64_t{0} - 4;
    case 4:
      return Guest::kBase - 1;
    default:
      break;
  }
  if (!mode.guarded) return Guest::kBase + uint64_t{choice} * 64;
  return length <= 9228 ? data.Allocate(length, 1) : data.end();
}

// One run. A Layout has: Ring, the container's side; Fill(input, ring, data, mode), which offers
// chains and says whether its driver can tell what comes back; Interrupts(ring, index), with
// Choose(input) and Check(asked).
template <typename Layout>
void Run(InputReader& input) {
  using Ring = typename Layout::Ring;
  using Interrupts = typename Layout::Interrupts;
  const uint8_t choice = input.Byte();
  const Mode mode{.guarded = (choice & 1) == 0,
                  .mergeable = (choice & 2) != 0 && (choice & 1) != 0,
                  .indirect = (choice & 4) == 0,
                  .event_index = (choice & 8) != 0};
  // Frames at a time; counted loads and interrupts are of one.
  const size_t burst = (choice & 32) != 0 && !mode.guarded && !mode.event_index ? 32 : 1;
  const uint32_t from_mtu = (choice & 16) != 0 ? 60 : 9202;
  const uint32_t to_mtu = (choice & 64) != 0 ? 60 : 9202;
  const auto from_size = static_cast<uint16_t>(1u << input.Byte() % 6);
  const auto to_size = static_cast<uint16_t>(1u << input.Byte() % 6);
  const uint16_t first_index = input.Short();

  // Enough for 32 tables of 66 entries with buffers of 9,228 bytes.
  static Guest rings(1 << 16);
  static Guest from_data(24 << 20);
  static Guest to_data(24 << 20);
  for (Guest* guest : {&rings, &from_data, &to_data}) {
    std::memset(guest->At(Guest::kBase), 0, std::max<size_t>(guest->allocated(), 1 << 16));
    guest->Rewind(0);
  }
  Ring from(rings, from_size, Direction::kToSwitch, PortId(0), first_index);
  Ring to(rings, to_size, Direction::kToGuest, PortId(1), first_index);
  // Bytes of what will be headers.
  for (size_t n = input.Byte() % 32; n != 0; --n) {
    const uint16_t at = input.Short() % 8192;
    *from_data.At(Guest::kBase + at) = input.Byte();
  }
  Prepare(from, from_data, mode);
  Prepare(to, to_data, mode);
  const bool from_honest = Layout::Fill(input, from, from_data, mode);
  const bool to_honest = Layout::Fill(input, to, to_data, mode);

  static HeapPacketMemory heap;
  static PacketPool pool(heap, 64);
  static RingReader reader;
  static RingWriter writer;
  ReceiveTally received;
  TransmitTally sent;
  Interrupts from_interrupts(from, first_index);
  Interrupts to_interrupts(to, first_index);
  for (;;) {
    if (mode.event_index) {
      from_interrupts.Choose(input);
      to_interrupts.Choose(input);
    }
    const uint64_t before = received.packets + received.dropped;
    std::array<Packet*, 32> packets{};
    std::optional<ForeignLoadGuard> guard;
    if (mode.guarded) guard.emplace();
    const size_t got =
        reader.Receive(from.queue(), from.view(), from_mtu, pool, packets.data(), burst, received);
    if (received.packets + received.dropped == before) break;
    if (got != 0) {
      for (const Packet* packet : std::span(packets).first(got)) {
        Require(packet->length() >= kMinFrame && packet->length() <= kMaxFrame);
      }
      Require(writer.Transmit(to.queue(), to.view(), to_mtu, packets.data(), got, sent) == got);
    }
    guard.reset();
    if (!mode.event_index) continue;
    to_interrupts.Check(RingWriter::Publish(to.queue(), to.view()));
    from_interrupts.Check(RingReader::Finish(from.queue(), from.view()));
  }
  Require(received.packets == sent.packets + sent.dropped);
  Require(received.bytes >= sent.bytes && sent.bytes == sent.copied_bytes);
  (void)RingWriter::Publish(to.queue(), to.view());
  (void)RingReader::Finish(from.queue(), from.view());
  reader.EndDispatch();
  pool.EndDispatch();

  if (from_honest) {
    const auto returned = from.TakeUsed();
    Require(returned.size() == received.packets + received.dropped);
    for (const UsedElement& element : returned) Require(element.length == 0);
  }
  if (!to_honest) return;
  uint64_t written = 0;
  for (const UsedElement& element : to.TakeUsed()) written += element.length;
  Require(written == sent.bytes + sent.packets * kNetHeader);
}

}  // namespace weft::vhost::fuzz
