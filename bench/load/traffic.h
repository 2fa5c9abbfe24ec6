// SPDX-License-Identifier: Apache-2.0
// The frames of the load generator: Ethernet, IPv4 and UDP, a stamp that says which frame it is,
// and a pattern that depends on the stamp, so that a receiver can check every byte without having
// seen what was sent.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace weft::load {

// Behind the UDP header of every frame.
struct [[gnu::packed]] Stamp {
  uint64_t number = 0;  // of this flow, from 0
  uint64_t sent = 0;    // TSC when the frame was written
  uint32_t flow = 0;
};

inline constexpr size_t kHeaders = 14 + 20 + 8;
inline constexpr uint32_t kMinSize = kHeaders + sizeof(Stamp);  // bytes, without check sequence
inline constexpr uint32_t kMaxSize = 9216;

// Which frames a sender sends: sizes by turns, flows by turns.
struct Mix {
  std::vector<uint32_t> sizes = {64};
  uint32_t flows = 1;

  uint32_t SizeOf(size_t turn) const { return sizes[turn % sizes.size()]; }
  uint32_t largest() const;
};
// The simple IMIX: 7 of 64, 4 of 570, 1 of 1518 bytes with check sequence, hence 4 less each here.
Mix Imix(uint32_t flows);

// Writes frames from container `from` to container `to`.
class FrameWriter {
 public:
  FrameWriter(uint32_t from, uint32_t to);
  // A frame of `size` bytes at `at`; size is kMinSize to kMaxSize.
  void Write(uint8_t* at, uint32_t size, const Stamp& stamp) const;

 private:
  std::array<uint8_t, kHeaders> headers_{};
};

// What receivers found out.
struct Tally {
  uint64_t frames = 0;
  uint64_t bytes = 0;
  uint64_t corrupt = 0;  // a byte is not what was sent
  uint64_t foreign = 0;  // not a frame of ours, or not for us
  uint64_t duplicate = 0;
  uint64_t reordered = 0;  // behind a later frame of its flow
  uint64_t missing = 0;    // never came, so far

  Tally& operator+=(const Tally& other);
};

// Checks the frames of one sender.
class FrameChecker {
 public:
  FrameChecker(uint32_t from, uint32_t to, uint32_t flows);
  // Checks one frame and counts it; returns its stamp.
  Stamp Check(const uint8_t* frame, uint32_t size);
  // `missing` is meaningful when no frame is on its way any more.
  const Tally& tally() const { return tally_; }

 private:
  static constexpr uint64_t kWindow = 4096;  // frames of a flow that are told apart
  struct Flow {
    uint64_t next = 0;  // one above the highest number seen
    std::array<bool, kWindow> seen{};
  };

  void Place(Flow& flow, uint64_t number);

  const uint32_t to_;
  std::array<uint8_t, 12> addresses_{};
  std::vector<Flow> flows_;
  Tally tally_;
};

}  // namespace weft::load
