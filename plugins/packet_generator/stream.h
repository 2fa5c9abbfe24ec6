// SPDX-License-Identifier: Apache-2.0
// A stream, ready to be made: packet number n is always the same, whoever asks. Control makes it;
// workers only read it. A packet borrows its payload from here, so a stream outlives the dispatch.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/sdk/weft.h"
#include "plugins/packet_generator/stream_config.h"

namespace weft::packet_generator {

class Stream {
 public:
  static constexpr uint64_t kMaxFile = uint64_t{64} << 20;  // bytes of a file's frames

  // The configuration has passed its Check. InvalidArgument: its file cannot be read, or has what
  // weft does not switch.
  static absl::StatusOr<std::shared_ptr<const Stream>> Make(const StreamConfig& config);

  // Packets after which it is done.
  uint64_t count() const { return count_; }
  // How long after the first packet n is to be there. More than a hundred years are a hundred.
  Time DueAt(uint64_t n) const;
  // Makes `packet` the n-th, of this port. 14 to kMaxFrame bytes.
  void Fill(Packet& packet, PortId port, uint64_t n) const;

 private:
  struct FrameAt {
    size_t offset = 0;
    uint32_t length = 0;
    uint64_t due = 0;  // nanoseconds after the first
  };

  Stream() = default;
  absl::Status Read(const std::string& path);
  void Compose(const StreamConfig& config);
  uint32_t SizeOf(uint64_t n) const;
  uint64_t ValueOf(Vary field, uint64_t n) const;
  void Change(uint8_t* header, uint64_t n) const;

  uint64_t count_ = 0;
  Pace pace_;
  Sizes sizes_;
  std::vector<Vary> vary_;
  uint64_t values_ = 1;
  Order order_ = Order::kIncrement;
  uint64_t seed_ = 0;
  uint64_t source_mac_ = 0, destination_mac_ = 0;
  uint32_t source_ip_ = 0, destination_ip_ = 0;
  uint16_t source_port_ = 0, destination_port_ = 0;
  std::vector<FrameAt> frames_;  // of the file; empty without one
  // The frames of the file, or one of the longest size that others are the beginning of.
  std::unique_ptr<uint8_t[]> bytes_;
};

}  // namespace weft::packet_generator
