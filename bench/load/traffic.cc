// SPDX-License-Identifier: Apache-2.0
#include "bench/load/traffic.h"

#include <algorithm>

namespace weft::load {
namespace {

// Each frame's payload is a window of this, at an offset that its stamp decides. 64-bit
// linear congruences (Knuth, TAOCP 2, §3.3.4).
constexpr size_t kOffsets = 4096;
const std::array<uint8_t, kMaxSize + kOffsets>& Pattern() {
  static const auto pattern = [] {
    std::array<uint8_t, kMaxSize + kOffsets> bytes{};
    uint64_t state = 1;
    for (uint8_t& byte : bytes) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      byte = static_cast<uint8_t>(state >> 56);
    }
    return bytes;
  }();
  return pattern;
}

const uint8_t* PatternOf(const Stamp& stamp) {
  return Pattern().data() + (stamp.number * 61 + stamp.flow * 7) % kOffsets;
}

void PutMac(uint8_t* at, uint32_t container) {
  at[0] = 0x02;
  at[4] = static_cast<uint8_t>(container >> 8);
  at[5] = static_cast<uint8_t>(container + 1);
}

void Put16(uint8_t* at, uint32_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}

// RFC 1071.
uint16_t Checksum(const uint8_t* at, size_t length) {
  uint32_t sum = 0;
  for (size_t i = 0; i < length; i += 2) sum += static_cast<uint32_t>(at[i] << 8 | at[i + 1]);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

}  // namespace

uint32_t Mix::largest() const { return *std::max_element(sizes.begin(), sizes.end()); }

Mix Imix(uint32_t flows) {
  // Spread, so that no burst is all small or all large.
  return {.sizes = {64, 566, 64, 64, 566, 64, 1514, 64, 566, 64, 566, 64}, .flows = flows};
}

FrameWriter::FrameWriter(uint32_t from, uint32_t to) {
  uint8_t* const h = headers_.data();
  PutMac(h, to);
  PutMac(h + 6, from);
  Put16(h + 12, 0x0800);
  h[14] = 0x45;  // IPv4, 20 bytes
  h[22] = 64;    // time to live
  h[23] = 17;    // UDP
  h[26] = h[30] = 10;
  h[29] = static_cast<uint8_t>(from + 1);
  h[33] = static_cast<uint8_t>(to + 1);
  Put16(h + 36, 9);  // discard
}

void FrameWriter::Write(uint8_t* at, uint32_t size, const Stamp& stamp) const {
  std::memcpy(at, headers_.data(), headers_.size());
  Put16(at + 16, size - 14);
  Put16(at + 24, 0);
  Put16(at + 24, Checksum(at + 14, 20));
  Put16(at + 34, 1024 + stamp.flow % 60000);  // source port: what tells flows apart
  Put16(at + 38, size - 34);
  std::memcpy(at + kHeaders, &stamp, sizeof(stamp));
  std::memcpy(at + kMinSize, PatternOf(stamp), size - kMinSize);
}

Tally& Tally::operator+=(const Tally& other) {
  frames += other.frames;
  bytes += other.bytes;
  corrupt += other.corrupt;
  foreign += other.foreign;
  duplicate += other.duplicate;
  reordered += other.reordered;
  missing += other.missing;
  return *this;
}

FrameChecker::FrameChecker(uint32_t from, uint32_t to, uint32_t flows) : to_(to), flows_(flows) {
  PutMac(addresses_.data(), to);
  PutMac(addresses_.data() + 6, from);
}

Stamp FrameChecker::Check(const uint8_t* frame, uint32_t size) {
  Stamp stamp;
  if (size < kMinSize || std::memcmp(frame, addresses_.data(), addresses_.size()) != 0) {
    ++tally_.foreign;
    return stamp;
  }
  std::memcpy(&stamp, frame + kHeaders, sizeof(stamp));
  ++tally_.frames;
  tally_.bytes += size;
  const bool whole = stamp.flow < flows_.size() && size <= kMaxSize &&
                     (frame[16] << 8 | frame[17]) == static_cast<int>(size - 14) &&
                     Checksum(frame + 14, 20) == 0 &&
                     std::memcmp(frame + kMinSize, PatternOf(stamp), size - kMinSize) == 0;
  if (!whole) {
    ++tally_.corrupt;
    return stamp;
  }
  Place(flows_[stamp.flow], stamp.number);
  return stamp;
}

// `missing` grows by every gap and shrinks when what was missing comes late.
void FrameChecker::Place(Flow& flow, uint64_t number) {
  if (number >= flow.next) {
    tally_.missing += number - flow.next;
    const uint64_t first = number - flow.next < kWindow ? flow.next : number - kWindow + 1;
    for (uint64_t i = first; i < number; ++i) flow.seen[i % kWindow] = false;
    flow.seen[number % kWindow] = true;
    flow.next = number + 1;
    return;
  }
  bool& seen = flow.seen[number % kWindow];
  if (flow.next - number <= kWindow && !seen) {
    seen = true;
    ++tally_.reordered;
    --tally_.missing;
  } else {
    ++tally_.duplicate;
  }
}

}  // namespace weft::load
