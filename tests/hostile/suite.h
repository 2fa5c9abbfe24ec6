// SPDX-License-Identifier: Apache-2.0
// The whole suite: one weftd, the victims, the lanes, and what must be as before after every class
// of cases.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tests/hostile/cases.h"
#include "tests/hostile/sampler.h"
#include "tests/hostile/switch_process.h"
#include "tests/hostile/victims.h"

namespace weft::hostile {

struct ClassResult {
  std::string name;
  size_t tried = 0;
  size_t survived = 0;
  uint64_t witnessed = 0;  // frames that came to witnesses and bystanders meanwhile
  double seconds = 0;
  uint64_t victims_sent = 0;
  uint64_t victim_drops = 0;
  double longest_round_us = 0;  // of a worker, what took the core from it included; no verdict
  Sampler::Peak peak{};         // of weftd meanwhile
  size_t rss_kib = 0;           // of weftd behind it

  uint64_t victim_rate() const {  // frames a second
    return seconds > 0 ? static_cast<uint64_t>(static_cast<double>(victims_sent) / seconds) : 0;
  }
};

struct Score {
  std::vector<ClassResult> classes;
  std::vector<std::string> complaints;
  std::vector<std::string> skipped;  // what this machine cannot play, and why
  Victims::Account victims;
  uint64_t victim_drops = 0;  // that weft has counted on their ports
  uint64_t witnessed = 0;     // frames that witnesses and bystanders saw
  uint64_t escapes = 0;       // of them, and of what the victims got, those that were not theirs
  size_t leaks = 0;           // classes after which something was left
  size_t crashes = 0;
  Buffers buffers;               // at the end
  double longest_round_us = 0;   // of all classes
  std::string longest_round_in;  // the class of cases in which it was
  size_t rss_kib_before = 0;
  size_t rss_kib_after = 0;

  bool Good() const;
  // The victims sent at half of what went through without loss, or at half of that where liars and
  // others left them less of a machine.
  bool KeptPace() const { return 4 * victims.rate >= victims.no_loss_rate; }
};

class Suite {
 public:
  // `program` is weftd, `plugins` the directory of mac-guard.so and memif.so.
  // The victims find their rate for so many seconds.
  static absl::StatusOr<std::unique_ptr<Suite>> Start(const std::string& program,
                                                      const std::string& plugins, uint32_t lanes,
                                                      double seconds);

  // Returns how many frames witnesses and bystanders saw. Cases of a class of the same name are
  // counted together.
  uint64_t Play(const CaseClass& cases);
  bool alive() { return weftd_->alive(); }
  bool Well() { return alive() && score_.complaints.empty(); }
  // Ends all of it. `judge_pace`: what the victims sent counts, too.
  Score Finish(bool judge_pace);

 private:
  Suite() = default;
  ClassResult& ResultOf(const std::string& name);
  void Complain(const std::string& about);
  Footprint Look();
  void CheckFootprint(ClassResult& result);
  // Adds what weftd has counted since the last time, and has it count from 0 on.
  void TakeCounters(ClassResult& result);

  std::unique_ptr<SwitchProcess> weftd_;
  std::unique_ptr<SilentFiles> files_;  // goes first: weftd cannot end while it waits for one
  std::string no_files_;                // why there are none
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::unique_ptr<Victims> victims_;
  std::unique_ptr<Shell> shell_;
  std::unique_ptr<Sampler> sampler_;
  Footprint before_;
  Score score_;
};

}  // namespace weft::hostile
