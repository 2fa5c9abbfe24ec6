// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/victims.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "bench/load/packed_port.h"
#include "bench/load/split_port.h"
#include "bench/load/trial.h"
#include "tests/hostile/link.h"

namespace weft::hostile {
namespace {

constexpr uint16_t kRing = 4096;
constexpr uint32_t kBurst = 4;            // frames each way
constexpr useconds_t kPause = 2000;       // between two bursts
constexpr uint64_t kMostOnTheWay = 1024;  // a quarter of the ring

load::ContainerOptions OptionsOf(uint32_t number, const std::string& socket) {
  load::ContainerOptions options;
  options.socket = socket;
  options.kind = number == 0 ? load::RingKind::kSplit : load::RingKind::kPacked;
  options.ring = kRing;
  options.work = load::Work::kVerify;
  options.stamp_time = true;
  options.number = number;
  options.peer = number ^ 1;
  options.mix = load::Imix(1);
  return options;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Victims>> Victims::Attach(
    const std::array<std::string, 2>& sockets) {
  absl::StatusOr<load::AttachedPort> split = load::MakeSplitPort(OptionsOf(0, sockets[0]));
  if (!split.ok()) return split.status();
  absl::StatusOr<load::AttachedPort> packed = load::MakePackedPort(OptionsOf(1, sockets[1]));
  if (!packed.ok()) return packed.status();
  return std::unique_ptr<Victims>(new Victims({std::move(split->port), std::move(packed->port)}));
}

Victims::~Victims() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void Victims::Run() {
  while (!stop_) {
    Exchange(true);
    usleep(kPause);
  }
}

void Victims::Exchange(bool send) {
  for (size_t i = 0; i < ports_.size(); ++i) {
    while (const uint32_t got = ports_[i]->Receive()) received_by_[i] += got;
    if (!send || sent_by_[i] - std::min(sent_by_[i], received_by_[i ^ 1]) > kMostOnTheWay) continue;
    sent_by_[i] += ports_[i]->Send(kBurst);
  }
}

bool Victims::AllArrived() const {
  return received_by_[0] >= sent_by_[1] && received_by_[1] >= sent_by_[0];
}

Victims::Account Victims::Finish() {
  stop_ = true;
  thread_.join();
  Await([this] {
    Exchange(false);
    return AllArrived();
  });
  Account account{.sent = sent_by_[0] + sent_by_[1]};
  const double per_us = load::TicksPerSecond() / 1e6;
  uint64_t arrived = 0;
  for (const auto& port : ports_) {
    const load::Tally tally = port->Received();
    arrived += tally.frames - tally.duplicate;
    account.wrong += tally.corrupt + tally.duplicate + tally.reordered;
    account.foreign += tally.foreign;
    const auto longest = static_cast<double>(port->latency()->Percentile(1)) / per_us;
    account.longest_us = std::max(account.longest_us, static_cast<uint64_t>(std::ceil(longest)));
  }
  account.lost = account.sent - std::min(account.sent, arrived);
  return account;
}

}  // namespace weft::hostile
