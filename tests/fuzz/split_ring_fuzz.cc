// SPDX-License-Identifier: Apache-2.0
// Links: weft_nodes_vhost
// Arbitrary descriptors, indirect tables, heads and headers in two containers' memory: frames are
// taken from one and written to the other. Whatever they say, every chain that was taken comes back
// once, packets are conserved, and what is written fits.
//
// With EVENT_IDX every frame is published by itself, and the container is interrupted exactly when
// it asked for it.
//
// Two more modes. Guarded: each buffer has an address of its own, and a guest field that is loaded
// twice for one frame aborts (builds with WEFT_COUNT_GUEST_LOADS). Free: addresses collide at will,
// buffers may be merged, and nobody counts loads.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <utility>

#include "core/packet/packet_pool.h"
#include "nodes/vhost/receive_ring.h"
#include "nodes/vhost/split_ring.h"
#include "tests/nodes/vhost/guest_driver.h"

namespace weft::vhost {
namespace {

using testing::Guest;
using testing::GuestRing;

void Require(bool condition) {
  if (!condition) std::abort();
}

// The input, byte by byte; zeros once it has ended.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  uint8_t Byte() { return size_ != 0 ? (--size_, *data_++) : uint8_t{0}; }
  uint16_t Short() { return static_cast<uint16_t>(Byte() | Byte() << 8); }

 private:
  const uint8_t* data_;
  size_t size_;
};

struct Mode {
  bool guarded, mergeable, indirect, event_index;
};

// Where a container wants its next interrupt, and what a switch that looks at every position by
// itself does about it (virtio 1.2 §2.7.7.2).
class Interrupts {
 public:
  Interrupts(GuestRing& ring, uint16_t index) : ring_(ring), index_(index) {}
  void Choose(Input& input) {
    event_ = static_cast<uint16_t>(index_ + input.Byte() % 4 - 1);
    ring_.SetUsedEvent(event_);
  }
  // The ring was published: `asked` is what the code says.
  void Check(bool asked) {
    bool wanted = std::exchange(first_, false);  // a new call descriptor is used once in any case
    for (; index_ != ring_.used_index(); ++index_) wanted |= index_ == event_;
    Require(asked == wanted);
    Require(ring_.used_flags() == 0 && ring_.avail_event() == 0);
  }

 private:
  GuestRing& ring_;
  uint16_t index_;
  uint16_t event_ = 0;
  bool first_ = true;
};

// A length that is often near a limit.
uint32_t ChooseLength(Input& input) {
  constexpr uint32_t kLengths[] = {0,  1,   11,   12,   13,   25,         26,        60,
                                   76, 128, 1526, 2048, 9228, 0xffffffff, 0xfffffff0};
  const uint8_t choice = input.Byte();
  return choice < std::size(kLengths) ? kLengths[choice] : input.Short() % 2048u;
}

uint64_t ChooseAddress(Input& input, Guest& data, uint32_t length, Mode mode) {
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

Descriptor ChooseDescriptor(Input& input, Guest& data, Mode mode, int depth = 0) {
  Descriptor d{};
  d.flags = input.Byte() % 8;
  if (d.flags >= 4 && input.Byte() % 2 != 0) d.flags &= 3;
  d.next = input.Byte() % 66;
  if ((d.flags & Descriptor::kIndirect) != 0 && depth == 0) {
    const size_t entries = input.Byte() % 67;
    d.length = static_cast<uint32_t>(entries * sizeof(Descriptor)) + (input.Byte() == 1 ? 1 : 0);
    d.address = data.Allocate(d.length, 1);
    for (size_t i = 0; i < entries; ++i) {
      const Descriptor entry = ChooseDescriptor(input, data, mode, 1);
      std::memcpy(data.At(d.address + i * sizeof(Descriptor)), &entry, sizeof(entry));
    }
    return d;
  }
  d.length = ChooseLength(input);
  d.address = ChooseAddress(input, data, d.length, mode);
  return d;
}

// Fills the table and offers heads. Buffers are in `data`, rings in memory of their own, which no
// descriptor can reach.
void Fill(Input& input, GuestRing& ring, Guest& data, Mode mode) {
  ring.view().memory = data.memory();
  ring.view().mergeable = mode.mergeable;
  ring.view().indirect = mode.indirect;
  ring.view().event_index = mode.event_index;
  if (mode.event_index) ring.view().call = CallHandle{0};
  for (uint16_t i = 0; i < ring.size(); ++i) ring.Write(i, ChooseDescriptor(input, data, mode));
  const size_t heads = input.Byte() % (ring.size() + 1u);
  for (size_t i = 0; i < heads; ++i) {
    ring.Offer(static_cast<uint16_t>(input.Byte() % (ring.size() + 1u)));
  }
  if (input.Byte() == 1) ring.SetAvailIndex(static_cast<uint16_t>(ring.avail_index() + 99));
}

void Run(Input& input) {
  const uint8_t choice = input.Byte();
  const Mode mode{.guarded = (choice & 1) == 0,
                  .mergeable = (choice & 2) != 0 && (choice & 1) != 0,
                  .indirect = (choice & 4) == 0,
                  .event_index = (choice & 8) != 0};
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
  GuestRing from(rings, from_size, Direction::kToSwitch, PortId(0), first_index);
  GuestRing to(rings, to_size, Direction::kToGuest, PortId(1), first_index);
  // Bytes of what will be headers.
  for (size_t n = input.Byte() % 32; n != 0; --n) {
    const uint16_t at = input.Short() % 8192;
    *from_data.At(Guest::kBase + at) = input.Byte();
  }
  Fill(input, from, from_data, mode);
  Fill(input, to, to_data, mode);

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
    Packet* packet = nullptr;
    std::optional<ForeignLoadGuard> guard;
    if (mode.guarded) guard.emplace();
    const size_t got = reader.Receive(from.queue(), from.view(), 9202, pool, &packet, 1, received);
    if (received.packets + received.dropped == before) break;
    if (got != 0) {
      Require(packet->length() >= kMinFrame && packet->length() <= kMaxFrame);
      writer.Transmit(to.queue(), to.view(), 9202, &packet, 1, sent);
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

  const auto returned = from.TakeUsed();
  Require(returned.size() == received.packets + received.dropped);
  for (const UsedElement& element : returned) Require(element.length == 0);
  uint64_t written = 0;
  for (const UsedElement& element : to.TakeUsed()) written += element.length;
  Require(written == sent.bytes + sent.packets * kNetHeader);
}

}  // namespace
}  // namespace weft::vhost

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weft::vhost::Input input(data, size);
  weft::vhost::Run(input);
  return 0;
}
