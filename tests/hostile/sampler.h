// SPDX-License-Identifier: Apache-2.0
// Looks at a process all the time, on a thread of its own: what the look after a class of cases
// does not see is what was there in between and has gone.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <thread>

namespace weft::hostile {

class Sampler {
 public:
  // The most of each that one look has seen.
  struct Peak {
    size_t fds = 0;
    size_t threads = 0;
    size_t mappings = 0;
    size_t rss_kib = 0;
    size_t looks = 0;
  };

  explicit Sampler(pid_t process);
  ~Sampler();
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  // Since the last time. Any thread.
  Peak Take();

 private:
  void Run();

  const pid_t process_;
  std::mutex mutex_;
  Peak peak_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace weft::hostile
