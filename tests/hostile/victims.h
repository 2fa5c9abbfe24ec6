// SPDX-License-Identifier: Apache-2.0
// Honest containers, two with split and packed rings and two of memif's, each of which sends to the
// other of its kind all the time, at half of what weft forwards for them without loss, on a thread
// of their own; every byte that arrives is checked.
//
// No more frames are on their way than their rings hold. So whoever comes late, on a machine that
// has others to serve too, sends late and loses none: a lost frame is the switch's.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/statusor.h"
#include "bench/load/port.h"

namespace weft::hostile {

class Victims {
 public:
  enum class Kind : uint8_t { kSplit, kPacked, kMemif };
  static constexpr std::array kKinds = {Kind::kSplit, Kind::kPacked, Kind::kMemif, Kind::kMemif};
  static constexpr size_t kCount = kKinds.size();

  struct Account {
    uint64_t sent = 0;
    uint64_t lost = 0;        // never came, after all that was on its way has
    uint64_t wrong = 0;       // corrupt, twice, or out of order
    uint64_t foreign = 0;     // somebody else's frames
    uint64_t longest_us = 0;  // that a frame was on its way
    // Frames a second, of all together: without loss as fast as it went at the beginning, and from
    // then on.
    uint64_t no_loss_rate = 0;
    uint64_t rate = 0;
  };

  // To these sockets, by their kinds.
  static absl::StatusOr<std::unique_ptr<Victims>> Attach(
      const std::array<std::string, kCount>& sockets);
  ~Victims();
  Victims(const Victims&) = delete;
  Victims& operator=(const Victims&) = delete;

  // Finds the rate, which takes so long, and begins to send; their ports are up by now.
  void Begin(double seconds);
  // Frames, of all together. Any thread.
  uint64_t sent_so_far() const { return sent_so_far_.load(std::memory_order_relaxed); }
  // Sends no more and waits for what is on its way.
  Account Finish();

 private:
  using Ports = std::array<std::unique_ptr<load::Port>, kCount>;
  explicit Victims(Ports ports) : ports_(std::move(ports)) {}
  void Run();
  // Takes all that has come.
  void Receive();
  // Sends at most so many, as there is room for them on the way; returns how many.
  uint32_t Send(size_t from, uint32_t most);
  uint64_t received() const;
  uint64_t sent() const;
  bool AllArrived() const;

  Ports ports_;
  std::array<uint64_t, kCount> sent_by_{};
  std::array<uint64_t, kCount> received_by_{};
  double no_loss_rate_ = 0;
  uint64_t sent_before_ = 0;  // while the rate was found
  double seconds_ = 0;        // at half of it
  std::atomic<uint64_t> sent_so_far_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace weft::hostile
