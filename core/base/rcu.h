// SPDX-License-Identifier: Apache-2.0
// How control changes what workers read, without a lock and without stopping them: control
// publishes a new immutable snapshot, and frees the old one when every worker has passed a
// quiescent state (librte_rcu's QSBR).
//
// A worker is quiescent between two dispatches. What it loads from a Published it may use until
// then, and no longer.
#pragma once

#include <rte_rcu_qsbr.h>

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <utility>

#include "core/base/ids.h"

namespace weft {

class Rcu {
 public:
  Rcu();
  ~Rcu();  // every worker has gone; runs what is still deferred
  Rcu(const Rcu&) = delete;
  Rcu& operator=(const Rcu&) = delete;

  // On the worker: from Online on, it holds up whoever retires something; Offline before it sleeps
  // or ends.
  void Register(WorkerId worker);
  void Unregister(WorkerId worker);
  void Online(WorkerId worker) { rte_rcu_qsbr_thread_online(state_, worker.value()); }
  void Offline(WorkerId worker) { rte_rcu_qsbr_thread_offline(state_, worker.value()); }
  void Quiescent(WorkerId worker) { rte_rcu_qsbr_quiescent(state_, worker.value()); }

  // On the control thread: runs `callback` (there, from Poll) once no worker can still see what was
  // published before.
  void Defer(std::function<void()> callback);
  // On the control thread, from a timer: runs the callbacks whose grace period is over. Returns how
  // many still wait.
  size_t Poll();
  // Called whenever something is deferred, so that its owner knows that Poll has work.
  void OnDefer(std::function<void()> callback) { on_defer_ = std::move(callback); }
  // Called whenever something new is published, so that workers that sleep look at it.
  void OnPublish(std::function<void()> callback) { on_publish_ = std::move(callback); }
  void Published() const {
    if (on_publish_) on_publish_();
  }

 private:
  struct Deferred {
    uint64_t token;
    std::function<void()> callback;
  };

  std::unique_ptr<std::byte[], void (*)(std::byte*)> storage_;
  rte_rcu_qsbr* state_;
  std::list<Deferred> deferred_;
  std::function<void()> on_defer_;
  std::function<void()> on_publish_;
};

// A pointer to an immutable T: control stores, workers load.
template <typename T>
class Published {
 public:
  Published() = default;
  explicit Published(std::unique_ptr<const T> first) : current_(first.release()) {}
  ~Published() { delete current_.load(std::memory_order_relaxed); }  // no reader is left
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;

  // Any thread; a worker's result is valid until its next quiescent state. Null if nothing was
  // published.
  const T* Load() const { return current_.load(std::memory_order_acquire); }

  // Control thread. The old value is destroyed after quiescence.
  void Store(Rcu& rcu, std::unique_ptr<const T> next) {
    const T* old = current_.exchange(next.release(), std::memory_order_acq_rel);
    if (old != nullptr) {
      rcu.Defer([old] { delete old; });
    }
    rcu.Published();
  }

 private:
  std::atomic<const T*> current_{nullptr};
};

}  // namespace weft
