// SPDX-License-Identifier: Apache-2.0
// Links: weft_graph weft_tenant weft_config
// Sources: plugins/memif/regions.cc plugins/memif/ring_reader.cc plugins/memif/ring_writer.cc
// Rings of any content, as the server and as the client: frames are taken from one and written to
// the other. Whatever descriptors and indexes say, packets are conserved, what is written fits,
// every buffer that was taken comes back, and memory between the buffers is left alone.
//
// Guarded: each buffer has a place of its own, and a field of shared memory that is loaded twice
// for one frame aborts (builds with WEFT_COUNT_GUEST_LOADS).
#include <sys/mman.h>

#include <array>
#include <cstring>
#include <iterator>
#include <memory>
#include <optional>
#include <span>

#include "core/packet/packet_pool.h"
#include "plugins/memif/ring_reader.h"
#include "plugins/memif/ring_writer.h"
#include "tests/fuzz/input.h"

namespace weft::memif {
namespace {

using fuzz::InputReader;
using fuzz::Require;

constexpr size_t kRing = 0;
constexpr size_t kBuffers = 4096;
constexpr uint32_t kBufferSize = 256;
constexpr size_t kMemory = 2 << 20;
constexpr uint16_t kMaxSize = 64;

// One side's memory with a ring at its beginning.
class Side {
 public:
  explicit Side(Direction direction) : queue_(PortId(0), direction) {
    const UniqueFd file(memfd_create("ring", MFD_CLOEXEC));
    Require(ftruncate(file.get(), kMemory) == 0);
    Require(regions_->Add(kMemory, file.get(), kMemory).ok());
    at_ = regions_->Translate(0, 0, kMemory);
  }

  void Begin(uint16_t size, bool client, uint16_t position) {
    client_ = client;
    std::memset(host(), 0, std::max(used_, kBuffers));
    used_ = kBuffers;
    view_ = RingView();
    view_.size = size;
    view_.flags = at_ + kRing + kRingFlags;
    view_.own_index = at_ + kRing + (client ? kRingHead : kRingTail);
    view_.peer_index = at_ + kRing + (client ? kRingTail : kRingHead);
    view_.descriptors = at_ + kRing + kRingDescriptors;
    view_.regions = regions_;
    if (client) {
      (queue_.direction() == Direction::kToPeer ? view_.ahead : view_.behind) = size;
      view_.buffer_size = kBufferSize;
      view_.buffers_offset = kBuffers;
      view_.buffers = at_ + kBuffers;
      used_ = kBuffers + size_t{size} * kBufferSize;
    }
    queue_.Reset();
    queue_.cursor = {.position = position, .shown = position};
    Show(queue_, view_, std::memory_order_relaxed);
  }
  void SetPeerIndex(uint16_t index) const { view_.peer_index.Store(index); }
  uint16_t OwnIndex() const { return view_.own_index.Load<uint16_t>(); }
  void Put(uint16_t position, const Descriptor& descriptor) const {
    StoreDescriptor(view_, position, descriptor);
  }
  Descriptor Get(uint16_t position) const { return LoadDescriptor(view_, position); }
  // Memory of its own for a buffer; beyond the end if there is none left.
  uint32_t Allocate(uint32_t length) {
    if (length > kMemory - used_) return kMemory;
    return static_cast<uint32_t>(std::exchange(used_, used_ + length));
  }
  uint8_t* host() const { return at_.unsafe_host(); }

  Queue& queue() { return queue_; }
  const RingView& view() const { return view_; }
  bool client() const { return client_; }

 private:
  Queue queue_;
  const std::shared_ptr<Regions> regions_ = std::make_shared<Regions>();
  ForeignPtr at_;
  RingView view_;
  size_t used_ = kMemory;
  bool client_ = false;
};

// A length that is often near a limit.
uint32_t ChooseLength(InputReader& input) {
  constexpr uint32_t kLengths[] = {0,   1,   13,   14,   15,   60,         115,       116,
                                   117, 256, 1514, 2048, 9216, 0xffffffff, 0xfffffff0};
  const uint8_t choice = input.Byte();
  return choice < std::size(kLengths) ? kLengths[choice] : input.Short() % 2048U;
}

void Fill(InputReader& input, Side& side, uint16_t position, bool guarded) {
  const uint16_t size = side.view().size;
  for (uint16_t i = 0; i < size; ++i) {
    Descriptor descriptor{};
    const uint8_t choice = input.Byte();
    descriptor.flags = choice & 1;
    descriptor.length = ChooseLength(input);
    if ((choice & 2) != 0) descriptor.region = input.Byte() % 3;
    if ((choice & 4) != 0) {
      constexpr uint32_t kOffsets[] = {kMemory - 1, kMemory, 0xffffffff, kMemory - 60};
      descriptor.offset = guarded ? kMemory : kOffsets[choice >> 6];
    } else if (guarded) {
      descriptor.offset = side.Allocate(descriptor.length);
    } else {
      descriptor.offset = kBuffers + input.Byte() * 64U;
    }
    side.Put(static_cast<uint16_t>(position + i), descriptor);
  }
  const uint16_t count = input.Byte() % (size + 2U) & 0xff;
  const auto first = static_cast<uint16_t>(position - (side.view().ahead != 0 ? size : 0));
  side.SetPeerIndex(static_cast<uint16_t>(first + count));
}

void Run(InputReader& input) {
  static Side from(Direction::kToSwitch);
  static Side to(Direction::kToPeer);
  const uint8_t choice = input.Byte();
  const bool guarded = (choice & 1) != 0;
  const uint32_t from_mtu = (choice & 8) != 0 ? 60 : 9202;
  const uint32_t to_mtu = (choice & 16) != 0 ? 60 : 9202;
  const auto from_size = static_cast<uint16_t>(2U << input.Byte() % 6);
  const auto to_size = static_cast<uint16_t>(2U << input.Byte() % 6);
  static_assert(2U << 5 == kMaxSize);
  const uint16_t position = input.Short();
  from.Begin(from_size, (choice & 2) != 0, position);
  to.Begin(to_size, (choice & 4) != 0, position);
  Fill(input, from, position, guarded);
  Fill(input, to, position, guarded);

  static HeapPacketMemory heap;
  static PacketPool pool(heap, 64);
  static RingReader reader;
  static RingWriter writer;
  ReceiveTally received;
  TransmitTally sent;
  for (;;) {
    const uint64_t before = received.packets + received.dropped;
    std::array<Packet*, 32> packets{};
    std::array<TransmitResult, 32> results{};
    std::optional<ForeignLoadGuard> guard;
    if (guarded) guard.emplace();
    const size_t burst = guarded ? 1 : packets.size();
    const size_t got =
        reader.Receive(from.queue(), from.view(), from_mtu, pool, packets.data(), burst, received);
    if (received.packets + received.dropped == before) break;
    for (const Packet* packet : std::span(packets).first(got)) {
      Require(packet->length() >= kMinFrame && packet->length() <= kMaxFrame);
      size_t sum = packet->header_length();
      for (size_t i = 0; i < packet->segment_count(); ++i) sum += packet->segment(i).length;
      Require(sum == packet->length(), "its pieces are its length");
    }
    if (got != 0) {
      writer.Transmit(to.queue(), to.view(), to_mtu, packets.data(), got, sent, results.data());
    }
  }
  Require(received.packets == sent.packets + sent.dropped);
  Require(received.bytes >= sent.bytes && sent.bytes == sent.copied_bytes);
  (void)RingWriter::Publish(to.queue(), to.view());
  const uint16_t taken = from.queue().cursor.position;
  RingReader::Finish(from.queue(), from.view());
  reader.EndDispatch();
  pool.EndDispatch();

  Require(from.OwnIndex() == static_cast<uint16_t>(taken + from.view().behind));
  if (from.client()) {
    for (uint16_t at = position; at != taken; ++at) {
      Require(from.Get(at).length == kBufferSize && from.Get(at).region == 0, "offered again");
    }
  }
  // What the peer finds is what was written.
  const uint16_t written_end = to.queue().cursor.position;
  Require(static_cast<uint16_t>(written_end - position) <= to.view().size);
  uint64_t written = 0;
  for (uint16_t at = position; at != written_end; ++at) written += to.Get(at).length;
  Require(written == sent.bytes, "the descriptors say how much");
}

}  // namespace
}  // namespace weft::memif

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weft::fuzz::InputReader input(data, size);
  weft::memif::Run(input);
  return 0;
}
