// SPDX-License-Identifier: Apache-2.0
#include "core/worker/worker.h"

#include <poll.h>
#include <pthread.h>
#include <rte_lcore.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "core/base/clock.h"
#include "core/base/give_up.h"
#include "core/base/text.h"
#include "core/worker/cpu_set.h"
#include "core/worker/last_words.h"

namespace weft {
namespace {

// A worker that cannot be woken sleeps kNap at a time. Rings are looked at between naps, so a
// wake-up cannot be lost; it can only be late by one nap.
constexpr Time kNap = std::chrono::microseconds(50);
// The kernel may need so long to wake a worker: what is due by then is waited for without a sleep.
constexpr Time kTooSoon = std::chrono::microseconds(60);

int NewEventFd() {
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fd >= 0) return fd;
  GiveUp("make an eventfd for a worker", errno);
}

timespec TimespecOf(Time time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  return {seconds.count(), std::chrono::nanoseconds(time - seconds).count()};
}

}  // namespace

Worker::Worker(const WorkerOptions& options, std::shared_ptr<const GraphPlan> plan,
               const Published<ArcTables>& tables, Rcu& rcu, PacketMemory& memory)
    : options_(options),
      rcu_(rcu),
      pool_(memory, options.pool_size),
      graph_(std::move(plan), options.id, tables, pool_, counters_),
      wake_(NewEventFd()) {}

Worker::~Worker() { Stop(); }

absl::Status Worker::Start() {
  // Registered before the thread runs: whatever control publishes from now on waits for this
  // worker.
  rcu_.Register(options_.id);
  stop_.store(false, std::memory_order_relaxed);
  try {
    thread_ = std::thread([this, stack = std::make_unique<CrashStack>()] {
      stack->Use();
      Run();
      stack->Leave();
    });
  } catch (const std::system_error& error) {
    rcu_.Unregister(options_.id);
    return absl::ErrnoToStatus(error.code().value(),
                               Cat("cannot start the thread of worker ", options_.id.value()));
  }
  return absl::OkStatus();
}

void Worker::Stop() {
  if (!thread_.joinable()) return;
  stop_.store(true, std::memory_order_relaxed);
  Wake();
  thread_.join();
  rcu_.Unregister(options_.id);
}

void Worker::Run() {
  thread_id_.store(gettid(), std::memory_order_relaxed);
  PinCallingThread({options_.core});
  pthread_setname_np(pthread_self(), Cat("weft-w", options_.id.value()).c_str());
  prctl(PR_SET_TIMERSLACK, 1UL);
  if (options_.uses_eal) rte_thread_register();
  if (options_.on_start) options_.on_start();
  NamePluginsOf(graph_);
  const MonotonicClock clock;
  bool busy = true;
  Time idle_since{};
  uint64_t round_start = Cycles();
  while (!stop_.load(std::memory_order_relaxed)) {
    const size_t packets = graph_.PollInputs();
    rcu_.Quiescent(options_.id);
    const uint64_t round_end = Cycles();
    counters_.CountRound(round_end - round_start);
    round_start = round_end;
    if (packets != 0) {
      busy = true;
    } else if (options_.sleeps) {
      const Time now = clock.Now();
      if (busy) idle_since = now;
      busy = false;
      if (now - idle_since < options_.quiet) continue;
      Rest();
      round_start = Cycles();
    }
  }
  NameNoPlugins();
  if (options_.uses_eal) rte_thread_unregister();
}

// The other half is Wake: whoever publishes something and then finds `sleeping_` false has
// published before the last look at everything.
void Worker::Rest() {
  sleeping_.store(true, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (graph_.CanSleep()) {
    SleepSet set;
    set.Watch(wake_.get());
    graph_.PrepareSleep(set);
    const bool sleeps = !set.awake() && !IsDueWithin(set.wake_at(), kTooSoon);
    if (sleeps && !stop_.load(std::memory_order_relaxed)) Sleep(set);
    sleeping_.store(false, std::memory_order_relaxed);
    graph_.Wake();
    return;
  }
  sleeping_.store(false, std::memory_order_relaxed);
  if (IsDueWithin(graph_.NextDue(), kNap + kTooSoon)) return;
  counters_.naps.Add();
  const timespec nap = TimespecOf(kNap);
  rcu_.Offline(options_.id);
  nanosleep(&nap, nullptr);
  rcu_.Online(options_.id);
}

// A packet that some node keeps is due so soon that a sleep would make it late.
bool Worker::IsDueWithin(Time due, Time within) const {
  return due != Time::max() && due - graph_.Now() <= within;
}

// No snapshot that control has published is used between Offline and Online.
void Worker::Sleep(SleepSet& set) {
  counters_.sleeps.Add();
  Time until_due = options_.longest_sleep;
  if (set.wake_at() != Time::max())
    until_due =
        std::min(until_due, std::max(set.wake_at() - graph_.Now() - kTooSoon, Time::zero()));
  const timespec longest = TimespecOf(until_due);
  rcu_.Offline(options_.id);
  ppoll(set.data(), set.size(), &longest, nullptr);
  uint64_t wakes = 0;
  [[maybe_unused]] const ssize_t got = read(wake_.get(), &wakes, sizeof(wakes));
  rcu_.Online(options_.id);
}

void Worker::Abort() {
  pthread_kill(thread_.native_handle(), SIGABRT);
  std::this_thread::sleep_for(std::chrono::seconds(1));
  std::abort();
}

// proc(5), /proc/PID/task/TID/stat: behind the name in brackets the state is the first field, and
// the clock ticks in user mode and in the kernel are the 12th and the 13th.
Worker::Thread Worker::LookAtThread() const {
  std::ifstream stat(Cat("/proc/self/task/", thread_id_.load(), "/stat"));
  std::string line;
  std::getline(stat, line);
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return {};
  const std::vector<std::string> fields =
      absl::StrSplit(line.substr(name_end + 1), ' ', absl::SkipEmpty());
  int64_t user = 0;
  int64_t kernel = 0;
  if (fields.size() < 13 || !absl::SimpleAtoi(fields[11], &user) ||
      !absl::SimpleAtoi(fields[12], &kernel))
    return {};
  const int64_t ticks = sysconf(_SC_CLK_TCK);  // in a second
  return {.runnable = fields[0] == "R",
          .on_core = std::chrono::nanoseconds(std::chrono::seconds(user + kernel)) / ticks};
}

void Worker::Wake() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!sleeping_.load(std::memory_order_relaxed)) return;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t put = write(wake_.get(), &one, sizeof(one));
}

}  // namespace weft
