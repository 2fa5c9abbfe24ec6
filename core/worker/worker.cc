// SPDX-License-Identifier: Apache-2.0
#include "core/worker/worker.h"

#include <pthread.h>
#include <rte_lcore.h>
#include <sys/prctl.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/worker/cpu_set.h"

namespace weft {
namespace {

// A worker with nothing to do for kQuiet polls on at first, then sleeps kNap at a time. Rings are
// looked at between naps, so a wake-up cannot be lost; it can only be late by one nap.
constexpr uint64_t kQuietCycles = 2'000'000;  // about 1 ms
constexpr timespec kNap{0, 50'000};           // 50 us

}  // namespace

Worker::Worker(const WorkerOptions& options, std::shared_ptr<const GraphPlan> plan,
               const Published<ArcTables>& tables, Rcu& rcu, PacketMemory& memory)
    : options_(options),
      rcu_(rcu),
      pool_(memory, options.pool_size),
      graph_(std::move(plan), options.id, tables, pool_, counters_) {}

Worker::~Worker() { Stop(); }

void Worker::Start() {
  // Registered before the thread runs: whatever control publishes from now on waits for this
  // worker.
  rcu_.Register(options_.id);
  stop_.store(false, std::memory_order_relaxed);
  thread_ = std::thread([this] { Run(); });
}

void Worker::Stop() {
  if (!thread_.joinable()) return;
  stop_.store(true, std::memory_order_relaxed);
  thread_.join();
  rcu_.Unregister(options_.id);
}

void Worker::Run() {
  PinCallingThread({options_.core});
  pthread_setname_np(pthread_self(), Cat("weft-w", options_.id.value()).c_str());
  prctl(PR_SET_TIMERSLACK, 1UL);
  if (options_.uses_eal) rte_thread_register();
  uint64_t idle_since = Cycles();
  while (!stop_.load(std::memory_order_relaxed)) {
    const size_t packets = graph_.PollInputs();
    rcu_.Quiescent(options_.id);
    if (packets != 0) {
      idle_since = Cycles();
    } else if (options_.nap) {
      Nap(idle_since);
    }
  }
  if (options_.uses_eal) rte_thread_unregister();
}

void Worker::Nap(uint64_t idle_since) {
  if (Cycles() - idle_since < kQuietCycles) return;
  rcu_.Offline(options_.id);
  nanosleep(&kNap, nullptr);
  rcu_.Online(options_.id);
}

}  // namespace weft
