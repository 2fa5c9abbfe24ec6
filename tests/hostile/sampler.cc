// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/sampler.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "tests/hostile/footprint.h"

namespace weft::hostile {
namespace {

constexpr useconds_t kPause = 10'000;  // between two looks

}  // namespace

Sampler::Sampler(pid_t process) : process_(process), thread_([this] { Run(); }) {}

Sampler::~Sampler() {
  stop_ = true;
  thread_.join();
}

Sampler::Peak Sampler::Take() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(peak_, {});
}

void Sampler::Run() {
  for (; !stop_; usleep(kPause)) {
    const Footprint now = Footprint::Of(process_);
    const std::scoped_lock lock(mutex_);
    peak_.fds = std::max(peak_.fds, now.fds);
    peak_.threads = std::max(peak_.threads, now.threads);
    peak_.mappings = std::max(peak_.mappings, now.mapping_count());
    peak_.rss_kib = std::max(peak_.rss_kib, now.rss_kib);
    ++peak_.looks;
  }
}

}  // namespace weft::hostile
