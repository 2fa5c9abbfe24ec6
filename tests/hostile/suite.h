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
#include "tests/hostile/switch_process.h"
#include "tests/hostile/victims.h"

namespace weft::hostile {

struct ClassResult {
  std::string name;
  size_t tried = 0;
  size_t survived = 0;
  uint64_t witnessed = 0;  // frames that came to witnesses and bystanders meanwhile
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
  double longest_round_us = 0;   // of a worker, what took the core from it included; no verdict
  std::string longest_round_in;  // the class of cases in which it was
  size_t rss_kib_before = 0;
  size_t rss_kib_after = 0;

  bool Good() const;
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
  // Ends all of it.
  Score Finish();

 private:
  Suite() = default;
  ClassResult& ResultOf(const std::string& name);
  void Complain(const std::string& about);
  Footprint Look();
  void CheckFootprint(const std::string& when);
  void NoteLongestRound(const std::string& when);

  std::unique_ptr<SwitchProcess> weftd_;
  std::unique_ptr<SilentFiles> files_;  // goes first: weftd cannot end while it waits for one
  std::string no_files_;                // why there are none
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::unique_ptr<Victims> victims_;
  std::unique_ptr<Shell> shell_;
  Footprint before_;
  Score score_;
};

}  // namespace weft::hostile
