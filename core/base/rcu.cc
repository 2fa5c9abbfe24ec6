// SPDX-License-Identifier: Apache-2.0
#include "core/base/rcu.h"

#include <cstdlib>
#include <new>

namespace weft {
namespace {

std::byte* AllocateState(size_t size) {
  return static_cast<std::byte*>(::operator new(size, std::align_val_t(RTE_CACHE_LINE_SIZE)));
}

void FreeState(std::byte* state) {
  ::operator delete(state, std::align_val_t(RTE_CACHE_LINE_SIZE));
}

}  // namespace

Rcu::Rcu()
    : storage_(AllocateState(rte_rcu_qsbr_get_memsize(kMaxWorkers)), FreeState),
      state_(reinterpret_cast<rte_rcu_qsbr*>(storage_.get())) {
  if (rte_rcu_qsbr_init(state_, kMaxWorkers) != 0)
    std::abort();  // only for arguments that we got wrong
}

Rcu::~Rcu() { Poll(); }

void Rcu::Register(WorkerId worker) {
  rte_rcu_qsbr_thread_register(state_, worker.value());
  rte_rcu_qsbr_thread_online(state_, worker.value());
}

void Rcu::Unregister(WorkerId worker) {
  rte_rcu_qsbr_thread_offline(state_, worker.value());
  rte_rcu_qsbr_thread_unregister(state_, worker.value());
}

void Rcu::Defer(std::function<void()> callback) {
  deferred_.push_back({rte_rcu_qsbr_start(state_), std::move(callback)});
  if (on_defer_) on_defer_();
}

size_t Rcu::Poll() {
  // A callback may defer more: it goes to the end of the list and is looked at too.
  while (!deferred_.empty() && rte_rcu_qsbr_check(state_, deferred_.front().token, false) == 1) {
    const std::function<void()> callback = std::move(deferred_.front().callback);
    deferred_.pop_front();
    callback();
  }
  return deferred_.size();
}

}  // namespace weft
