// SPDX-License-Identifier: Apache-2.0
#include "core/graph/held_packets.h"

#include <cstring>

namespace weft {
namespace {

// Bytes of a frame that lie in the packet's own room.
size_t HeadOf(const Packet& packet) {
  return std::min<size_t>(packet.header_length(), Packet::kMaxHeader);
}

}  // namespace

HeldPackets::HeldPackets(size_t packets, size_t cells)
    : packet_count_(packets),
      cell_count_(cells),
      places_(std::allocator<Place>().allocate(packets)),
      cells_(std::make_unique_for_overwrite<Cell[]>(cells)),
      next_cell_(cells, kNone) {
  free_places_.reserve(packets);
  free_cells_.reserve(cells);
  due_.reserve(packets);
  taken_.reserve(packets);
}

HeldPackets::~HeldPackets() {
  std::destroy_n(places_, fresh_places_);
  std::allocator<Place>().deallocate(places_, packet_count_);
}

// One more if there are more pieces than a packet has room for.
size_t HeldPackets::CellsFor(const Packet& packet) {
  const size_t pieces = (packet.length() - HeadOf(packet) + kCellBytes - 1) / kCellBytes;
  return pieces > 1 + kOwnSegments ? pieces + 1 : pieces;
}

Owned HeldPackets::Keep(const Packet& packet, Time now) {
  constexpr size_t kMostCells = kCellBytes / sizeof(Segment);  // one of them lists the others
  const size_t cells = CellsFor(packet);
  Used& used = UsedBy(packet);
  if (held_.value() == packet_count_ || cells > kMostCells || cells_used_ + cells > cell_count_ ||
      used.packets >= packet_count_ / kShare || used.cells + cells > cell_count_ / kShare) {
    return {};
  }
  const uint16_t number = TakePlace();
  Place& place = places_[number];
  place.cells = static_cast<uint16_t>(cells);
  used.packets = static_cast<uint16_t>(used.packets + 1);
  used.cells = static_cast<uint16_t>(used.cells + cells);
  cells_used_ += cells;
  Copy(packet, place);
  place.since = now;
  place.waits = true;
  place.before = newest_;
  place.after = kNone;
  (newest_ == kNone ? oldest_ : places_[newest_].after) = number;
  newest_ = number;
  held_.Add();
  if (held_.value() > most_held_.value()) most_held_.Set(held_.value());
  return {number, place.life};
}

uint16_t HeldPackets::TakePlace() {
  if (free_places_.empty()) {
    std::construct_at(places_ + fresh_places_);
    return static_cast<uint16_t>(fresh_places_++);
  }
  const uint16_t number = free_places_.back();
  free_places_.pop_back();
  return number;
}

uint16_t HeldPackets::TakeCell(Place& place) {
  uint16_t number;
  if (free_cells_.empty()) {
    number = static_cast<uint16_t>(fresh_cells_++);
  } else {
    number = free_cells_.back();
    free_cells_.pop_back();
  }
  next_cell_[number] = place.first_cell;
  place.first_cell = number;
  return number;
}

// Its first bytes go where those of a container's packet are, and the rest into cells, each full
// but the last.
void HeldPackets::Copy(const Packet& packet, Place& place) {
  Packet& copy = place.slot.packet;
  const size_t head = HeadOf(packet);
  uint8_t* const header = copy.snapshot() + Packet::kVirtioNetHeader;
  std::memcpy(header, packet.header(), head);
  place.first_cell = kNone;
  Segment first;
  Segment* rest = place.more.data();  // behind the first
  size_t pieces = place.cells;
  if (pieces > 1 + kOwnSegments) {
    rest = reinterpret_cast<Segment*>(cells_[TakeCell(place)].bytes);
    --pieces;
  }
  Segment* piece = nullptr;    // the one at hand
  size_t filled = kCellBytes;  // of the cell at hand: there is none
  uint8_t* cell = nullptr;
  Segment* more = rest;
  const auto append = [&](size_t length, auto&& copy_out) {
    for (size_t done = 0; done < length;) {
      if (filled == kCellBytes) {
        cell = cells_[TakeCell(place)].bytes;
        filled = 0;
        piece = piece == nullptr ? &first : more++;
        *piece = Segment{ForeignPtr(cell), 0};
      }
      const size_t part = std::min(length - done, kCellBytes - filled);
      copy_out(cell + filled, done, part);
      piece->length += static_cast<uint32_t>(part);
      filled += part;
      done += part;
    }
  };
  append(packet.header_length() - head, [&](uint8_t* to, size_t from, size_t length) {
    std::memcpy(to, packet.header() + head + from, length);
  });
  for (size_t i = 0; i < packet.segment_count(); ++i) {
    const Segment& segment = packet.segment(i);
    append(segment.length, [&](uint8_t* to, size_t from, size_t length) {
      (segment.data + from).CopyOut(to, length);
    });
  }
  copy.CloneFrom(packet);
  copy.MoveTo(header, static_cast<uint32_t>(head), first, rest, pieces);
  copy.set_out_port(packet.out_port());
  copy.set_out_group(packet.out_group());
  copy.set_trace(0);  // its trace may be over long before it goes
}

Packet* HeldPackets::Find(Owned owned) {
  if (!owned || owned.place_ >= fresh_places_) return nullptr;
  Place& place = places_[owned.place_];
  return place.life == owned.life_ && place.waits ? &place.slot.packet : nullptr;
}

bool HeldPackets::Send(Owned owned, Time due, Time now, const HeldRoute& route) {
  if (Find(owned) == nullptr) return false;
  Unlink(owned.place_);
  places_[owned.place_].route = route;
  due_.push_back({std::min(due, now + kLongest), order_++, owned.place_});
  std::push_heap(due_.begin(), due_.end());
  return true;
}

void HeldPackets::Release(Owned owned) {
  if (Find(owned) == nullptr) return;
  Unlink(owned.place_);
  Free(owned.place_);
}

void HeldPackets::Unlink(uint16_t number) {
  Place& place = places_[number];
  (place.before == kNone ? oldest_ : places_[place.before].after) = place.after;
  (place.after == kNone ? newest_ : places_[place.after].before) = place.before;
  place.waits = false;
}

Packet* HeldPackets::TakeDue(Time now) {
  if (due_.empty() || due_.front().time > now) return nullptr;
  const uint16_t number = due_.front().place;
  std::pop_heap(due_.begin(), due_.end());
  due_.pop_back();
  taken_.push_back(number);
  return &places_[number].slot.packet;
}

Packet* HeldPackets::TakeExpired(Time now) {
  if (oldest_ == kNone || places_[oldest_].since + kLongest > now) return nullptr;
  const uint16_t number = oldest_;
  Unlink(number);
  taken_.push_back(number);
  return &places_[number].slot.packet;
}

void HeldPackets::EndDispatch() {
  for (const uint16_t number : taken_) Free(number);
  taken_.clear();
}

std::optional<Time> HeldPackets::NextDue() const {
  std::optional<Time> next;
  if (!due_.empty()) next = due_.front().time;
  if (oldest_ != kNone) {
    const Time end = places_[oldest_].since + kLongest;
    next = next ? std::min(*next, end) : end;
  }
  return next;
}

void HeldPackets::Free(uint16_t number) {
  Place& place = places_[number];
  Used& used = UsedBy(place.slot.packet);
  used.packets = static_cast<uint16_t>(used.packets - 1);
  used.cells = static_cast<uint16_t>(used.cells - place.cells);
  cells_used_ -= place.cells;
  for (uint16_t cell = place.first_cell; cell != kNone; cell = next_cell_[cell])
    free_cells_.push_back(cell);
  place.first_cell = kNone;
  if (++place.life == 0) place.life = 1;
  free_places_.push_back(number);
  held_.Set(held_.value() - 1);
}

}  // namespace weft
