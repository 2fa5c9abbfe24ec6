// SPDX-License-Identifier: Apache-2.0
// A worker: a pinned thread that walks its own Graph. Control makes it, starts it and stops it; in
// between nothing that control does makes a worker wait.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "absl/status/status.h"
#include "core/base/clock.h"
#include "core/base/rcu.h"
#include "core/base/unique_fd.h"
#include "core/graph/graph.h"
#include "core/graph/sleep_set.h"
#include "core/packet/packet_pool.h"

namespace weft {

struct WorkerOptions {
  WorkerId id;
  uint16_t core = 0;
  size_t pool_size = 2 * Frame::kCapacity;  // packets of one dispatch: a vector, and clones
  bool sleeps = true;                       // when there was nothing to do for `quiet`
  Time quiet = std::chrono::milliseconds(1);
  // However sure it is of being woken: who does not kick when asked to is served by then.
  Time longest_sleep = std::chrono::milliseconds(100);
  bool uses_eal = false;             // register the thread with DPDK
  std::function<void()> on_start{};  // on the worker's thread, before its first round; may be empty
};

class Worker {
 public:
  // The worker reads `tables` and takes part in `rcu` from Start to Stop; both, and `memory`,
  // outlive it.
  Worker(const WorkerOptions& options, std::shared_ptr<const GraphPlan> plan,
         const Published<ArcTables>& tables, Rcu& rcu, PacketMemory& memory);
  ~Worker();  // stops
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  absl::Status Start();  // an error if there is no thread to be had
  // Ends the thread after its current round; what waits in rings stays there.
  void Stop();

  // Ends a sleep, or one that is about to begin. Any thread.
  void Wake();
  // Ends the process by SIGABRT in the worker's thread, if that still takes signals: what is told
  // of the end, and a core dump, are of where it is. Control.
  [[noreturn]] void Abort();
  // What the kernel says of its thread. Control.
  struct Thread {
    bool runnable = false;  // it has a core or waits for one
    Time on_core{};         // how long it has had one so far, to 10 ms
  };
  Thread LookAtThread() const;

  WorkerId id() const { return options_.id; }
  uint16_t core() const { return options_.core; }
  const WorkerCounters& counters() const { return counters_; }
  // Packets that it got from memory; fewer than asked for when memory is short.
  size_t pool_size() const { return pool_.size(); }
  Graph& graph() { return graph_; }

 private:
  void Run();
  void Rest();
  void Sleep(SleepSet& set);
  bool IsDueWithin(Time due, Time within) const;

  const WorkerOptions options_;
  Rcu& rcu_;
  PacketPool pool_;
  WorkerCounters counters_;
  Graph graph_;
  std::atomic<bool> stop_{false};
  std::atomic<int> thread_id_{0};      // the kernel's; 0 before it runs
  std::atomic<bool> sleeping_{false};  // it looks once more at everything, or sleeps
  const UniqueFd wake_;                // an eventfd: somebody wants it awake
  std::thread thread_;
};

}  // namespace weft
