// SPDX-License-Identifier: Apache-2.0
#include "core/tenant/closing.h"

#include <pthread.h>

#include <utility>

namespace weft {
namespace {

struct Work {
  std::vector<UniqueFd> fds;
  std::shared_ptr<std::atomic<uint32_t>> threads;
};

void* Run(void* argument) {
  std::unique_ptr<Work> work(static_cast<Work*>(argument));
  const std::shared_ptr<std::atomic<uint32_t>> threads = work->threads;
  work.reset();  // who sees that nobody is busy any more finds nothing left of it
  threads->fetch_sub(1);
  return nullptr;
}

}  // namespace

void Closing::Close(std::vector<UniqueFd> fds) {
  std::erase_if(fds, [](const UniqueFd& fd) { return !fd.valid(); });
  if (fds.empty()) return;
  threads_->fetch_add(1);
  auto work = std::make_unique<Work>(Work{std::move(fds), threads_});
  // Not a std::thread, which throws if there is none to be had.
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread{};
  Work* const given = work.release();
  if (pthread_create(&thread, &attributes, Run, given) != 0) Run(given);  // nothing better is left
  pthread_attr_destroy(&attributes);
}

void Closing::Close(UniqueFd fd) {
  std::vector<UniqueFd> fds;
  fds.push_back(std::move(fd));
  Close(std::move(fds));
}

}  // namespace weft
