// SPDX-License-Identifier: Apache-2.0
// What a leak of a process shows in, and how that differs from what it was.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace weft::hostile {

// What workers have for packets, as `show buffers` says. A dispatch takes some of them and gives
// all back at once when it ends, so there are as many at any time, whatever a container does in it.
struct Buffers {
  uint64_t packets = 0;    // of all workers
  uint64_t most_used = 0;  // in one dispatch, so far

  bool Whole(const Buffers& before) const {
    return packets == before.packets && most_used <= packets;
  }
  std::string Text() const;
};

// Mappings of one kind.
struct Extent {
  size_t mappings = 0;
  uint64_t bytes = 0;

  bool operator==(const Extent&) const = default;
};

struct Footprint {
  // What comes and goes with the work that a process has, and is no leak as long as it is no more
  // than this: large pieces of the heap are mappings of their own, and the stacks of threads that
  // have ended are kept for the next one, as are the arenas that the allocator made for them.
  static constexpr size_t kMoreAnonymous = 2;        // mappings
  static constexpr size_t kMoreOfThreads = 32;       // mappings
  static constexpr size_t kMoreMemoryKib = 2 << 10;  // resident, of the heap, anonymous

  size_t fds = 0;
  size_t threads = 0;
  // By what is mapped: a file's name, those of containers (tmpfs, hugetlbfs) among them, or one of
  // these two. What the handler of SIGBUS puts into a container's memory is anonymous.
  std::map<std::string, Extent> mappings = {};
  size_t rss_kib = 0;  // of its own: what containers share with it is theirs
  // What the shell says; see Shell::Look.
  size_t heap_kib = 0;
  Buffers buffers{};
  uint64_t dpdk_bytes = 0;  // of DPDK's memory that are in use: packets, NIC queues

  static constexpr const char* kAnonymous = "anonymous";
  static constexpr const char* kOfThreads = "of threads";
  // Of the process, as far as it is seen from outside.
  static Footprint Of(pid_t process);

  size_t mapping_count() const;
  // What is more than before, or less, and should not be; empty: nothing.
  std::string Beyond(const Footprint& before) const;
};

}  // namespace weft::hostile
