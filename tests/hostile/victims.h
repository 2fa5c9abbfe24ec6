// SPDX-License-Identifier: Apache-2.0
// Two honest containers, one with split and one with packed rings, that send to each other at a
// modest rate all the time, on a thread of their own; every byte that arrives is checked.
//
// No more frames are on their way than their rings hold, so whoever comes late loses none: a lost
// frame is the switch's.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/statusor.h"
#include "bench/load/port.h"

namespace weft::hostile {

class Victims {
 public:
  struct Account {
    uint64_t sent = 0;
    uint64_t lost = 0;
    uint64_t wrong = 0;       // corrupt, twice, or out of order
    uint64_t foreign = 0;     // somebody else's frames
    uint64_t longest_us = 0;  // that a frame was on its way
  };

  static absl::StatusOr<std::unique_ptr<Victims>> Attach(const std::array<std::string, 2>& sockets);
  ~Victims();
  Victims(const Victims&) = delete;
  Victims& operator=(const Victims&) = delete;

  // Begins to send; both ports are up by now.
  void Begin() {
    thread_ = std::thread([this] { Run(); });
  }
  // Sends no more and waits for what is on its way.
  Account Finish();

 private:
  using Ports = std::array<std::unique_ptr<load::Port>, 2>;
  explicit Victims(Ports ports) : ports_(std::move(ports)) {}
  void Run();
  // One burst each way if there is room for it; true if anything arrived.
  void Exchange(bool send);
  bool AllArrived() const;

  Ports ports_;
  std::array<uint64_t, 2> sent_by_{};
  std::array<uint64_t, 2> received_by_{};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace weft::hostile
