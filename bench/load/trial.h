// SPDX-License-Identifier: Apache-2.0
// A trial: containers send to each other for a while, and what came of it; and the search for the
// highest rate without loss (RFC 2544 §26.1).
#pragma once

#include <memory>
#include <vector>

#include "bench/load/port.h"

namespace weft::load {

// Who of each pair sends.
enum class Senders : uint8_t { kBoth, kFirst, kSecond };

struct TrialOptions {
  double seconds = 2;
  double warmup = 0.5;  // frames of it are sent and not counted; none with kVerify
  double rate = 0;      // frames a second and sender; 0: flat out
  uint32_t burst = 256;
  Senders senders = Senders::kBoth;

  bool Sends(size_t port) const {
    return senders == Senders::kBoth || (port % 2 == 0) == (senders == Senders::kFirst);
  }
};

// One sender and its receiver, or all of them together.
struct Result {
  double seconds = 0;
  uint64_t sent = 0;
  uint64_t received = 0;
  uint64_t blocked = 0;  // with a rate: frames that were due and found no room
  Tally tally;           // with Work::kVerify

  double rate() const { return seconds > 0 ? static_cast<double>(received) / seconds : 0; }
  uint64_t lost() const { return sent > received ? sent - received : 0; }
};

struct TrialResult {
  std::vector<Result> by_sender;
  Result total;
  std::vector<const Histogram*> latency;  // of the receivers that have one
};

// Sends a frame now and then until every receiver has had one: a switch may take its time before it
// forwards for new ports. False if that takes more than 10 seconds.
bool AwaitTraffic(const std::vector<std::unique_ptr<Port>>& ports, const TrialOptions& options);

// ports[2k] and ports[2k + 1] are a pair. Calls from a thread that is pinned already.
TrialResult RunTrial(const std::vector<std::unique_ptr<Port>>& ports, const TrialOptions& options);

struct SearchStep {
  double rate = 0;  // frames a second and sender
  uint64_t sent = 0;
  uint64_t lost = 0;
};
// Halves the interval between 0 and `highest` until it is 2 % wide; the last step without loss is
// the answer.
std::vector<SearchStep> SearchNoLoss(const std::vector<std::unique_ptr<Port>>& ports,
                                     TrialOptions options, double highest);

// TSC ticks of a second, measured once.
double TicksPerSecond();

}  // namespace weft::load
