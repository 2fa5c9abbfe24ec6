// SPDX-License-Identifier: Apache-2.0
// weft-hostile: containers that lie to a weftd with every byte that they share, and what came of
// it. Exit status 0 if nothing did.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "core/base/text.h"
#include "tests/hostile/memif/cases.h"
#include "tests/hostile/suite.h"

ABSL_FLAG(std::string, weftd, "", "the weftd to lie to");
ABSL_FLAG(std::string, plugins, "", "the directory of its plugins");
ABSL_FLAG(bool, full, false, "all cases, and longer races, instead of a sample");
ABSL_FLAG(uint32_t, seed, 1, "of the sample");
ABSL_FLAG(uint32_t, lanes, 8, "how many liars lie at a time; with and without mac-guard, by turns");
ABSL_FLAG(std::vector<std::string>, only, {}, "classes of cases; all if there are none");
ABSL_FLAG(std::string, protocol, "", "of the liars: vhost or memif; both if it is empty");
ABSL_FLAG(uint64_t, race_frames, 0, "goes on with each class of races until so many came through");
ABSL_FLAG(std::string, json, "", "a file to write the result to");

namespace weft::hostile {
namespace {

nlohmann::json JsonOf(const Score& score) {
  nlohmann::json classes = nlohmann::json::array();
  size_t tried = 0;
  size_t survived = 0;
  for (const ClassResult& one : score.classes) {
    classes.push_back({{"class", one.name},
                       {"tried", one.tried},
                       {"survived", one.survived},
                       {"witnessed-frames", one.witnessed},
                       {"seconds", one.seconds},
                       {"victim-rate", one.victim_rate()},
                       {"victim-frames-dropped", one.victim_drops},
                       {"longest-round-us", one.longest_round_us},
                       {"rss-kib", one.rss_kib},
                       {"most-descriptors", one.peak.fds},
                       {"most-threads", one.peak.threads},
                       {"most-mappings", one.peak.mappings},
                       {"most-rss-kib", one.peak.rss_kib},
                       {"looks", one.peak.looks}});
    tried += one.tried;
    survived += one.survived;
  }
  return {{"good", score.Good()},
          {"full", absl::GetFlag(FLAGS_full)},
          {"seed", absl::GetFlag(FLAGS_seed)},
          {"classes", classes},
          {"tried", tried},
          {"survived", survived},
          {"crashes", score.crashes},
          {"victim-frames-sent", score.victims.sent},
          {"victim-frames-lost", score.victims.lost},
          {"victim-frames-wrong", score.victims.wrong},
          {"victim-frames-dropped", score.victim_drops},
          {"victim-longest-us", score.victims.longest_us},
          {"victim-no-loss-rate", score.victims.no_loss_rate},
          {"victim-rate", score.victims.rate},
          {"witnessed-frames", score.witnessed},
          {"policy-escapes", score.escapes},
          {"leaks", score.leaks},
          {"rss-kib-before", score.rss_kib_before},
          {"rss-kib-after", score.rss_kib_after},
          {"packets", score.buffers.packets},
          {"packets-most-used", score.buffers.most_used},
          {"longest-round-us", score.longest_round_us},
          {"longest-round-in", score.longest_round_in},
          {"skipped", score.skipped},
          {"complaints", score.complaints}};
}

std::vector<CaseClass> CasesOf(const std::string& protocol, bool full, uint32_t seed) {
  std::vector<CaseClass> all;
  if (protocol != "memif") all = AllCases(full, seed);
  if (protocol != "vhost") {
    for (CaseClass& cases : AllMemifCases(full, seed)) all.push_back(std::move(cases));
  }
  return all;
}

// Other races of the same kind.
CaseClass MoreOf(const CaseClass& races, bool full, uint32_t seed) {
  return races.cases.front().liar == Liar::kVhost ? RaceCases(full, seed, *races.guarded)
                                                  : MemifRaceCases(full, seed, *races.guarded);
}

int Run() {
  const bool full = absl::GetFlag(FLAGS_full);
  const std::vector<std::string> only = absl::GetFlag(FLAGS_only);
  auto suite = Suite::Start(absl::GetFlag(FLAGS_weftd), absl::GetFlag(FLAGS_plugins),
                            absl::GetFlag(FLAGS_lanes), full ? 3 : 1);
  if (!suite.ok()) {
    std::fprintf(stderr, "hostile: %s\n", MessageOf(suite.status()).c_str());
    return 1;
  }
  const uint32_t seed = absl::GetFlag(FLAGS_seed);
  for (const CaseClass& cases : CasesOf(absl::GetFlag(FLAGS_protocol), full, seed)) {
    if (!(*suite)->alive()) break;
    if (!only.empty() && std::find(only.begin(), only.end(), cases.name) == only.end()) continue;
    uint64_t witnessed = (*suite)->Play(cases);
    if (!cases.guarded.has_value()) continue;
    for (uint32_t round = 1; witnessed < absl::GetFlag(FLAGS_race_frames); ++round) {
      const uint64_t more = (*suite)->Play(MoreOf(cases, full, seed + round));
      if (more == 0 || !(*suite)->Well()) break;
      witnessed += more;
    }
  }
  const Score score = (*suite)->Finish(full);
  const nlohmann::json result = JsonOf(score);
  std::printf("%s\n", result.dump(2).c_str());
  const std::string file = absl::GetFlag(FLAGS_json);
  if (!file.empty() && !(std::ofstream(file) << result.dump(2) << "\n")) {
    std::fprintf(stderr, "hostile: cannot write %s\n", file.c_str());
    return 1;
  }
  return score.Good() ? 0 : 1;
}

}  // namespace
}  // namespace weft::hostile

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("weft-hostile --weftd=PROGRAM --plugins=DIRECTORY [flags]");
  absl::ParseCommandLine(argc, argv);
  return weft::hostile::Run();
}
