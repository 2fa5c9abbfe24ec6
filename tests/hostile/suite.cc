// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/suite.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "core/base/text.h"
#include "tests/support/huge_pages.h"

namespace weft::hostile {
namespace {

// Failures beyond this say nothing new.
constexpr size_t kEnough = 20;

constexpr std::array<const char*, Victims::kCount> kVictims = {"victim-1", "victim-2", "victim-3",
                                                               "victim-4"};

// Liars, and the threads that they make, take what the victims and the worker leave: on a machine
// that has not a core for each of them the victims would have a small share else.
constexpr int kNiceness = 19;
void StandBack() {
  // It cannot fail: it asks for less.
  [[maybe_unused]] const int set =
      setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNiceness);
}

bool IsMemif(size_t victim) { return Victims::kKinds[victim] == Victims::Kind::kMemif; }

// All ports on one worker, as there is one unless more are asked for.
std::string ConfigOf(const std::string& plugins, uint32_t lanes) {
  std::string config =
      Cat("[dpdk]\neal = [\"--no-huge\"]\n", "[plugins]\ndirectory = \"", plugins,
          "\"\nload = [\"mac-guard\", \"memif\"]\n[[bridge]]\nname = \"victims\"\n");
  for (size_t i = 0; i < kVictims.size(); ++i) {
    // The addresses of bench/load's containers.
    config +=
        Cat("[[port]]\nname = \"", kVictims[i], "\"\nbridge = \"victims\"\n",
            "mac = \"02:00:00:00:00:0", i + 1, "\"\n", IsMemif(i) ? "memif" : "vhost", " = {}\n");
  }
  for (uint32_t lane = 0; lane < lanes; ++lane) config += Lane::ConfigOf(lane);
  return config;
}

}  // namespace

bool Score::Good() const {
  const bool all = std::all_of(classes.begin(), classes.end(), [](const ClassResult& one) {
    return one.tried > 0 && one.survived == one.tried;
  });
  return all && complaints.empty() && crashes == 0 && leaks == 0 && escapes == 0 &&
         victims.sent > 0 && victims.lost == 0 && victims.wrong == 0 && victim_drops == 0;
}

absl::StatusOr<std::unique_ptr<Suite>> Suite::Start(const std::string& program,
                                                    const std::string& plugins, uint32_t lanes,
                                                    double seconds) {
  std::unique_ptr<Suite> self(new Suite);
  auto weftd = SwitchProcess::Start(program, ConfigOf(plugins, lanes));
  if (!weftd.ok()) return weftd.status();
  self->weftd_ = *std::move(weftd);
  if (auto files = SilentFiles::Start(); files.ok()) {
    self->files_ = *std::move(files);
  } else {
    self->no_files_ = MessageOf(files.status());
  }
  for (uint32_t number = 0; number < lanes; ++number) {
    self->lanes_.push_back(std::make_unique<Lane>(*self->weftd_, number, self->files_.get()));
    Lane& lane = *self->lanes_.back();
    // Whatever weftd makes for good, it has made by then.
    Complaint complaint = lane.SetUp() ? "" : "no container can connect";
    for (const Liar liar : kLiars) {
      const Case nothing{
          .name = "nothing", .play = [](Lane&) { return Complaint(); }, .liar = liar};
      if (complaint.empty()) complaint = lane.Play(nothing);
    }
    if (!complaint.empty()) return absl::InternalError(Cat("without a lie: ", complaint));
  }
  std::array<std::string, Victims::kCount> sockets;
  for (size_t i = 0; i < kVictims.size(); ++i) {
    sockets[i] = self->weftd_->socket(kVictims[i], IsMemif(i) ? "memif.sock" : "vhost.sock");
  }
  auto victims = Victims::Attach(sockets);
  if (!victims.ok()) return victims.status();
  self->victims_ = *std::move(victims);
  self->shell_ = std::make_unique<Shell>(self->weftd_->directory());
  for (const std::string_view name : kVictims) {
    const auto up = [&] {
      const nlohmann::json port = self->shell_->Ask(Cat("show port ", name));
      return !port.is_null() && port.value("state", "") == "up";
    };
    if (!Await(up)) return absl::InternalError(Cat(name, " does not come up"));
  }
  self->victims_->Begin(seconds);
  // The last tenants' descriptors are closed soon, by other threads.
  Footprint last = self->Look();
  size_t quiet = 0;
  Await([&] {
    const Footprint now = self->Look();
    quiet = now.Beyond(last).empty() ? quiet + 1 : 0;
    last = now;
    return quiet == 100;
  });
  self->before_ = last;
  if (last.buffers.packets == 0 || last.dpdk_bytes == 0) {
    return absl::InternalError("weftd does not say what buffers it has");
  }
  self->score_.rss_kib_before = last.rss_kib;
  self->sampler_ = std::make_unique<Sampler>(self->weftd_->pid());
  ClassResult nothing{.name = "before any lie"};
  self->TakeCounters(nothing);
  return self;
}

void Suite::Complain(const std::string& about) {
  if (score_.complaints.size() < kEnough) {
    std::fprintf(stderr, "hostile: %s\n", about.c_str());
  }
  score_.complaints.push_back(about);
}

ClassResult& Suite::ResultOf(const std::string& name) {
  const auto same = [&](const ClassResult& one) { return one.name == name; };
  const auto found = std::find_if(score_.classes.begin(), score_.classes.end(), same);
  if (found != score_.classes.end()) return *found;
  return score_.classes.emplace_back(ClassResult{.name = name});
}

uint64_t Suite::Play(const CaseClass& cases) {
  if (cases.silent_files && files_ == nullptr) {
    score_.skipped.push_back(Cat(cases.name, ": ", no_files_));
    return 0;
  }
  std::optional<testing::HugePages> huge_pages;
  if (cases.huge_pages != 0) {
    huge_pages.emplace(cases.huge_pages * lanes_.size());
    if (!huge_pages->problem().empty()) {
      score_.skipped.push_back(Cat(cases.name, ": ", huge_pages->problem()));
      return 0;
    }
  }
  ClassResult& result = ResultOf(cases.name);
  const auto begin = std::chrono::steady_clock::now();
  const uint64_t sent_before = victims_->sent_so_far();
  sampler_->Take();
  uint64_t witnessed = 0;
  std::atomic<size_t> next{0};
  std::atomic<bool> stop{false};
  std::mutex mutex;
  const auto work = [&](Lane& lane) {
    StandBack();
    for (size_t i = next++; i < cases.cases.size() && !stop; i = next++) {
      const uint64_t seen = lane.witnessed();
      const uint64_t escapes = lane.escapes();
      Complaint complaint = lane.Play(cases.cases[i]);
      lane.Watch();  // what an honest container sent last has come by, so all else has
      if (complaint.empty() && lane.escapes() != escapes) {
        complaint = Cat(lane.escapes() - escapes, " frames that nobody may send came to somebody; ",
                        lane.escaped());
      }
      const Buffers buffers = lane.shell().AskBuffers();
      const std::scoped_lock lock(mutex);
      if (complaint.empty() && weftd_->alive() && !buffers.Whole(before_.buffers)) {
        complaint = Cat("weftd had ", before_.buffers.Text(), " and has ", buffers.Text());
      }
      witnessed += lane.witnessed() - seen;
      ++result.tried;
      if (complaint.empty()) {
        ++result.survived;
      } else {
        Complain(Cat(cases.name, ": ", cases.cases[i].name, ": ", complaint));
      }
      if (!weftd_->alive() || result.tried - result.survived >= kEnough) stop = true;
    }
  };
  std::vector<std::thread> threads;
  for (const auto& lane : lanes_) {
    if (cases.guarded.value_or(lane->guarded()) == lane->guarded()) {
      threads.emplace_back(work, std::ref(*lane));
    }
  }
  for (std::thread& thread : threads) thread.join();
  result.witnessed += witnessed;
  result.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  result.victims_sent += victims_->sent_so_far() - sent_before;
  CheckFootprint(result);
  return witnessed;
}

Footprint Suite::Look() {
  Footprint footprint = Footprint::Of(weftd_->pid());
  shell_->Look(footprint);
  return footprint;
}

void Suite::TakeCounters(ClassResult& result) {
  uint64_t drops = 0;
  for (const std::string_view name : kVictims) {
    for (const nlohmann::json& row : shell_->Ask(Cat("show drops port ", name))) {
      drops += row.value("packets", uint64_t{0});
    }
  }
  const double longest = shell_->LongestRound();
  if (drops != 0) {
    Complain(Cat(result.name,
                 ": weftd dropped frames of the victims: ", shell_->Ask("show drops").dump()));
  }
  shell_->ClearCounters();
  result.victim_drops += drops;
  score_.victim_drops += drops;
  result.longest_round_us = std::max(result.longest_round_us, longest);
  if (longest <= score_.longest_round_us) return;
  score_.longest_round_us = longest;
  score_.longest_round_in = result.name;
}

void Suite::CheckFootprint(ClassResult& result) {
  if (!weftd_->alive()) {
    Complain(Cat(result.name, ": weftd has ended:\n", weftd_->Log()));
    return;
  }
  TakeCounters(result);
  const Sampler::Peak peak = sampler_->Take();
  result.peak.looks += peak.looks;
  result.peak.fds = std::max(result.peak.fds, peak.fds);
  result.peak.threads = std::max(result.peak.threads, peak.threads);
  result.peak.mappings = std::max(result.peak.mappings, peak.mappings);
  result.peak.rss_kib = std::max(result.peak.rss_kib, peak.rss_kib);
  Footprint now;
  std::string beyond;
  const auto as_before = [&] {
    now = Look();
    beyond = now.Beyond(before_);
    return beyond.empty();
  };
  if (!Await(as_before)) {
    ++score_.leaks;
    Complain(Cat(result.name, ": weftd is left with ", beyond));
  }
  result.rss_kib = now.rss_kib;
  score_.rss_kib_after = now.rss_kib;
  score_.buffers = now.buffers;
}

Score Suite::Finish(bool judge_pace) {
  score_.victims = victims_->Finish();
  ClassResult nothing{.name = "behind all lies"};
  TakeCounters(nothing);
  const Victims::Account& account = score_.victims;
  if (judge_pace && !score_.KeptPace()) {
    Complain(Cat("the victims sent ", account.rate, " frames a second, of which ",
                 account.no_loss_rate, " would have gone through without loss"));
  }
  if (account.lost + account.wrong + account.foreign != 0) {
    Complain(Cat("the victims lost frames, or got wrong ones: ", shell_->Ask("show ports").dump(),
                 ", ", shell_->Ask("show drops").dump()));
  }
  score_.escapes = score_.victims.foreign;
  for (const auto& lane : lanes_) {
    score_.witnessed += lane->witnessed();
    score_.escapes += lane->escapes();
  }
  victims_.reset();
  lanes_.clear();
  sampler_.reset();
  shell_.reset();
  files_.reset();
  const int status = weftd_->Stop();
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    ++score_.crashes;
    Complain(Cat("weftd ended with wait status ", status, ":\n", weftd_->Log()));
  }
  return std::exchange(score_, {});
}

}  // namespace weft::hostile
