// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/race_rewriter.h"

#include <atomic>

namespace weft::hostile {
namespace {

using vhost::kNetHeader;

// What offloads are about, in a virtio-net header and in the headers of the frame behind it, and
// what may stand there beside what did at first. Those of a frame are big-endian.
struct OffloadField {
  uint32_t at;  // from the virtio-net header on
  bool wide;    // 16 bits
  std::array<uint16_t, 4> others;
};
constexpr std::array kOffloadFields = {
    // Each of these asks for a checksum: what comes to the witness has one that weft has made.
    OffloadField{0, false, {kNeedsChecksum, kNeedsChecksum, kNeedsChecksum | kDataValid, 5}},
    OffloadField{1, false, {kGsoNone, kGsoTcp4, kGsoTcp6, kGsoTcp4 | kGsoEcn}},
    OffloadField{2, true, {0, 54, 118, 0xffff}},               // hdr_len
    OffloadField{4, true, {0, 1, 300, 0xffff}},                // gso_size
    OffloadField{6, true, {14, 34, 38, 0xffff}},               // csum_start
    OffloadField{8, true, {0, 6, 16, 0xffff}},                 // csum_offset
    OffloadField{24, true, {0x0008, 0xdd86, 0x0081, 0}},       // EtherType
    OffloadField{26, false, {0x45, 0x46, 0x4f, 0x60}},         // IP's version and header
    OffloadField{28, true, {0, 0x2800, 0x0004, 0xffff}},       // IPv4's length
    OffloadField{30, true, {0, 0x1400, 0x0004, 0xffff}},       // IPv6's
    OffloadField{32, true, {0x0020, 0x0040, 0x4006, 0x4011}},  // a fragment, or IPv6's next header
    OffloadField{35, false, {6, 17, 1, 0}},                    // IPv4's protocol
    OffloadField{50, true, {0, 0x0800, 0x0004, 0xffff}},       // UDP's length
    OffloadField{58, false, {0, 0x50, 0x60, 0xf0}},            // TCP's header, behind IPv4
    OffloadField{78, false, {0, 0x50, 0x60, 0xf0}},            // and behind IPv6
};

}  // namespace

template <typename T>
void RingRewriter::Poke(uint64_t address, T value) {
  std::atomic_ref<T>(target_.guest.As<T>(address)).store(value, std::memory_order_relaxed);
}

void RingRewriter::Rewrite(Field field, Dice& dice) {
  const Table& table = target_.tables[dice() % target_.tables.size()];
  const uint64_t descriptor = table.address + 16 * (dice() % table.entries);
  const Buffer& buffer = target_.buffers[dice() % target_.buffers.size()];
  const uint64_t frame = buffer.address + kNetHeader;
  const auto length = static_cast<uint32_t>(buffer.honest.size());
  switch (field) {
    case Field::kLength:
      Poke(descriptor + 8,
           dice.OneOf(std::array<uint32_t, 9>{length, length, length, 130, 25, 0, 12 + kTaggedFrame,
                                              9229, 0xffff'ffff}));
      return;
    case Field::kAddress:
      Poke(descriptor,
           dice.OneOf(std::array<uint64_t, 5>{buffer.address, buffer.address, buffer.address + 1,
                                              target_.guest.end() - 8, ~uint64_t{0} - 7}));
      return;
    case Field::kFlags:
      RewriteFlags(table, descriptor, dice);
      return;
    case Field::kNetHeader:
      Poke(buffer.address + dice() % kNetHeader, static_cast<uint8_t>(dice.OneIn(4) ? dice() : 0));
      return;
    case Field::kMacs:
      Poke(frame + Lane::kDestinationByte, dice.OneOf(Lane::kDestinations));
      Poke(frame + Lane::kSourceByte, dice.OneOf(sources_));
      return;
    case Field::kTypes:
      Poke(frame + kEtherTypeAt, dice.OneOf(kEtherTypes));
      Poke(frame + kEtherTypeAt + 2, static_cast<uint16_t>(dice()));
      Poke(frame + kEtherTypeAt + 4, dice.OneOf(kEtherTypes));
      return;
    case Field::kOffload:
      RewriteOffload(buffer, dice);
      if (dice.OneIn(8))
        Poke(descriptor + 8, dice.OneOf(std::array{length, length, length - 1, 700U}));
      return;
    case Field::kIndex:
      // Seldom, for the port is in error then.
      if (target_.available == 0 || !dice.OneIn(4096)) return;
      Poke(target_.available + 2 * (dice() % 3 + 1), static_cast<uint16_t>(dice()));
      return;
    case Field::kAll:
      return;
  }
}

// Of an owned descriptor only if nobody else has written it meanwhile.
void RingRewriter::RewriteFlags(const Table& table, uint64_t descriptor, Dice& dice) {
  const auto flags = static_cast<uint16_t>(dice() % 8);
  std::atomic_ref<uint64_t> half(target_.guest.As<uint64_t>(descriptor + 8));
  uint64_t before = half.load(std::memory_order_relaxed);
  const size_t shift = target_.available == 0 ? 48 : 32;
  const uint64_t after = (before & ~(uint64_t{7} << shift)) | uint64_t{dice.OneIn(2) ? flags : 0U}
                                                                  << shift;
  if (table.owned) {
    half.compare_exchange_strong(before, after, std::memory_order_relaxed);
  } else {
    half.store(after, std::memory_order_relaxed);
  }
}

// Mostly back to what it was, as a frame with more than one lie in it is caught by the first. Its
// payload is rewritten, too: what is summed must be what is sent.
void RingRewriter::RewriteOffload(const Buffer& buffer, Dice& dice) {
  const OffloadField field = dice.OneOf(kOffloadFields);
  const uint64_t at = buffer.address + field.at;
  if (field.at + 1 >= buffer.honest.size()) return;
  const uint16_t other = dice.OneOf(field.others);
  const bool lies = dice.OneIn(4);
  const uint8_t first = buffer.honest[field.at];
  if (field.wide) {
    const auto honest = static_cast<uint16_t>(first | buffer.honest[field.at + 1] << 8);
    Poke(at, lies ? other : honest);
  } else {
    Poke(at, lies ? static_cast<uint8_t>(other) : first);
  }
  constexpr uint32_t kHeaders = 100;  // of any of these frames
  if (buffer.honest.size() <= kHeaders) return;
  Poke(buffer.address + kHeaders + dice() % (buffer.honest.size() - kHeaders),
       static_cast<uint8_t>(dice()));
}

}  // namespace weft::hostile
