// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/victims.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "bench/load/memif_port.h"
#include "bench/load/packed_port.h"
#include "bench/load/split_port.h"
#include "bench/load/trial.h"
#include "core/base/clock.h"
#include "tests/hostile/link.h"

namespace weft::hostile {
namespace {

constexpr uint16_t kRing = 4096;
constexpr uint32_t kBurst = 64;           // frames each way at a time, at most
constexpr useconds_t kPause = 500;        // between two of them
constexpr uint64_t kMostOnTheWay = 1024;  // a quarter of the ring

load::ContainerOptions OptionsOf(uint32_t number, const std::string& socket) {
  load::ContainerOptions options;
  options.socket = socket;
  options.ring = kRing;
  options.work = load::Work::kVerify;
  options.stamp_time = true;
  options.number = number;
  options.peer = number ^ 1;
  options.mix = load::Imix(1);
  return options;
}

absl::StatusOr<load::AttachedPort> MakePort(Victims::Kind kind,
                                            const load::ContainerOptions& options) {
  switch (kind) {
    case Victims::Kind::kSplit:
      return load::MakeSplitPort(options);
    case Victims::Kind::kPacked:
      return load::MakePackedPort(options);
    case Victims::Kind::kMemif:
      break;
  }
  return load::MakeMemifPort(options);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Victims>> Victims::Attach(
    const std::array<std::string, kCount>& sockets) {
  Ports ports;
  for (uint32_t i = 0; i < kCount; ++i) {
    absl::StatusOr<load::AttachedPort> attached = MakePort(kKinds[i], OptionsOf(i, sockets[i]));
    if (!attached.ok()) return attached.status();
    ports[i] = std::move(attached->port);
  }
  return std::unique_ptr<Victims>(new Victims(std::move(ports)));
}

Victims::~Victims() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void Victims::Begin(double seconds) {
  const double per_second = load::TicksPerSecond();
  const uint64_t begin = Cycles();
  const auto elapsed = [&] { return static_cast<double>(Cycles() - begin) / per_second; };
  while (elapsed() < seconds) {
    for (size_t i = 0; i < ports_.size(); ++i) Send(i, kBurst);
    Receive();
  }
  no_loss_rate_ = static_cast<double>(received()) / elapsed();
  sent_before_ = sent();
  thread_ = std::thread([this] { Run(); });
}

void Victims::Run() {
  // Each sends as much as the others.
  const double per_tick = no_loss_rate_ / 2 / kCount / load::TicksPerSecond();
  const uint64_t begin = Cycles();
  uint64_t last = begin;
  std::array<double, kCount> due{};
  while (!stop_) {
    const uint64_t now = Cycles();
    const double more = static_cast<double>(now - last) * per_tick;
    last = now;
    for (size_t i = 0; i < ports_.size(); ++i) {
      // Who could not send for a while catches up a little only.
      due[i] = std::min<double>(due[i] + more, kMostOnTheWay);
      while (due[i] >= 1) {
        Receive();
        const uint32_t sent = Send(i, std::min(kBurst, static_cast<uint32_t>(due[i])));
        if (sent == 0) break;
        due[i] -= sent;
      }
    }
    Receive();
    sent_so_far_.store(sent(), std::memory_order_relaxed);
    usleep(kPause);
  }
  seconds_ = static_cast<double>(Cycles() - begin) / load::TicksPerSecond();
}

void Victims::Receive() {
  for (size_t i = 0; i < ports_.size(); ++i) {
    while (const uint32_t got = ports_[i]->Receive()) received_by_[i] += got;
  }
}

uint32_t Victims::Send(size_t from, uint32_t most) {
  const uint64_t on_the_way = sent_by_[from] - std::min(sent_by_[from], received_by_[from ^ 1]);
  const uint64_t room = kMostOnTheWay - std::min(kMostOnTheWay, on_the_way);
  const uint32_t sent = ports_[from]->Send(static_cast<uint32_t>(std::min<uint64_t>(most, room)));
  sent_by_[from] += sent;
  return sent;
}

uint64_t Victims::received() const {
  return std::accumulate(received_by_.begin(), received_by_.end(), uint64_t{0});
}

uint64_t Victims::sent() const {
  return std::accumulate(sent_by_.begin(), sent_by_.end(), uint64_t{0});
}

bool Victims::AllArrived() const {
  for (size_t i = 0; i < kCount; ++i) {
    if (received_by_[i] < sent_by_[i ^ 1]) return false;
  }
  return true;
}

Victims::Account Victims::Finish() {
  stop_ = true;
  thread_.join();
  Await([this] {
    Receive();
    return AllArrived();
  });
  Account account{.sent = sent(), .no_loss_rate = static_cast<uint64_t>(no_loss_rate_)};
  account.rate = static_cast<uint64_t>(static_cast<double>(sent() - sent_before_) / seconds_);
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
