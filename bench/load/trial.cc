// SPDX-License-Identifier: Apache-2.0
#include "bench/load/trial.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "core/base/clock.h"

namespace weft::load {
namespace {

constexpr double kDrain = 0.5;      // seconds without a frame, after the last was sent
constexpr double kMostDrain = 3.0;  // then what is missing is lost

class Trial {
 public:
  Trial(const std::vector<std::unique_ptr<Port>>& ports, const TrialOptions& options)
      : ports_(ports),
        options_(options),
        sent_(ports.size()),
        received_(ports.size()),
        blocked_(ports.size()) {}

  // Sends and receives for `seconds`.
  void Run(double seconds) {
    std::fill(sent_.begin(), sent_.end(), 0);
    std::fill(received_.begin(), received_.end(), 0);
    std::fill(blocked_.begin(), blocked_.end(), 0);
    const uint64_t start = Cycles();
    const auto end = start + static_cast<uint64_t>(seconds * TicksPerSecond());
    uint64_t now = start;
    while (now < end) {
      // With a rate, containers take all that has come before anybody sends more: who is late with
      // both would fill the receive rings of the others, and call it the switch's loss.
      if (options_.rate > 0) TakeAll();
      for (size_t i = 0; i < ports_.size(); ++i) {
        received_[i] += ports_[i]->Receive();
        if (options_.Sends(i)) SendSome(i, now - start);
      }
      now = Cycles();
    }
    seconds_ = static_cast<double>(now - start) / TicksPerSecond();
  }
  // Receives what is still on its way.
  void Drain() {
    const uint64_t start = Cycles();
    uint64_t last = start;
    for (uint64_t now = start; static_cast<double>(now - last) < kDrain * TicksPerSecond() &&
                               static_cast<double>(now - start) < kMostDrain * TicksPerSecond();
         now = Cycles()) {
      if (TakeAll() != 0) last = now;
    }
  }

  // Of the frames that `sender` sent.
  Result Of(size_t sender) const {
    return {.seconds = seconds_,
            .sent = sent_[sender],
            .received = received_[sender ^ 1],
            .blocked = blocked_[sender],
            .tally = ports_[sender ^ 1]->Received()};
  }

 private:
  // Receives until nothing is there; returns the number of frames.
  uint64_t TakeAll() {
    uint64_t frames = 0;
    for (size_t i = 0; i < ports_.size(); ++i) {
      while (const uint32_t got = ports_[i]->Receive()) {
        received_[i] += got;
        frames += got;
      }
    }
    return frames;
  }
  void SendSome(size_t port, uint64_t elapsed) {
    if (options_.rate <= 0) {
      sent_[port] += ports_[port]->Send(options_.burst);
      return;
    }
    const auto due =
        static_cast<uint64_t>(options_.rate * static_cast<double>(elapsed) / TicksPerSecond());
    const uint64_t done = sent_[port] + blocked_[port];
    if (due <= done) return;
    const auto wanted = static_cast<uint32_t>(std::min<uint64_t>(due - done, options_.burst));
    const uint32_t sent = ports_[port]->Send(wanted);
    sent_[port] += sent;
    // A load that is late is not made up for: it was not offered at the rate that was asked for.
    if (sent < wanted) blocked_[port] += wanted - sent;
  }

  const std::vector<std::unique_ptr<Port>>& ports_;
  const TrialOptions options_;
  std::vector<uint64_t> sent_, received_, blocked_;
  double seconds_ = 0;
};

void Add(Result& total, const Result& one) {
  total.seconds = one.seconds;
  total.sent += one.sent;
  total.received += one.received;
  total.blocked += one.blocked;
  total.tally += one.tally;
}

}  // namespace

double TicksPerSecond() {
  static const double ticks = [] {
    const auto start = std::chrono::steady_clock::now();
    const uint64_t begin = Cycles();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const uint64_t end = Cycles();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    return static_cast<double>(end - begin) / took.count();
  }();
  return ticks;
}

bool AwaitTraffic(const std::vector<std::unique_ptr<Port>>& ports, const TrialOptions& options) {
  const uint64_t start = Cycles();
  std::vector<bool> heard(ports.size());
  for (size_t i = 0; i < ports.size(); ++i) heard[i] = !options.Sends(i ^ 1);  // nobody sends to it
  while (static_cast<double>(Cycles() - start) < 10 * TicksPerSecond()) {
    for (size_t i = 0; i < ports.size(); ++i) {
      if (options.Sends(i)) ports[i]->Send(1);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    for (size_t i = 0; i < ports.size(); ++i) heard[i] = ports[i]->Receive() != 0 || heard[i];
    if (std::find(heard.begin(), heard.end(), false) == heard.end()) return true;
  }
  return false;
}

TrialResult RunTrial(const std::vector<std::unique_ptr<Port>>& ports, const TrialOptions& options) {
  Trial trial(ports, options);
  if (options.warmup > 0) trial.Run(options.warmup);
  trial.Run(options.seconds);
  // Flat out, what counts is what arrives while the others send; else every frame.
  if (options.rate > 0 || options.warmup <= 0) trial.Drain();
  TrialResult result;
  for (size_t i = 0; i < ports.size(); ++i) {
    if (const Histogram* latency = ports[i]->latency(); latency != nullptr) {
      result.latency.push_back(latency);
    }
    if (!options.Sends(i)) continue;
    result.by_sender.push_back(trial.Of(i));
    Add(result.total, result.by_sender.back());
  }
  return result;
}

std::vector<SearchStep> SearchNoLoss(const std::vector<std::unique_ptr<Port>>& ports,
                                     TrialOptions options, double highest) {
  std::vector<SearchStep> steps;
  options.warmup = 0;
  double low = 0;
  for (double high = highest; high - low > 0.02 * highest;) {
    options.rate = steps.empty() ? highest : (low + high) / 2;
    const Result total = RunTrial(ports, options).total;
    const uint64_t lost = total.lost() + total.blocked;
    steps.push_back({options.rate, total.sent, lost});
    (lost == 0 ? low : high) = options.rate;
  }
  return steps;
}

}  // namespace weft::load
