// SPDX-License-Identifier: Apache-2.0
// Descriptors that liars send where a memory file, or an eventfd, is to come.
#pragma once

#include <cstdint>
#include <utility>

#include "core/base/unique_fd.h"

namespace weft::hostile {

// What can come as a memory file.
enum class File : uint8_t {
  kMemory,    // 64 MiB
  kShort,     // 4 KiB
  kSparse,    // a terabyte of which nothing is there
  kReadOnly,  // the first, opened again
  kSealed,    // no one may write to it
  kPipe,
  kSocket,
  kEventFd,
  kTimer,
  kEpoll,
  kNull,
  kZero,
  kDirectory,
  kProcess,  // a file whose system says its size is 0
};

// Invalid if this machine does not make one.
UniqueFd Make(File file);
UniqueFd Memfd(uint64_t bytes, unsigned flags = 0);

// What can come as an eventfd.
enum class Event : uint8_t {
  kFullPipe,
  kClosedPipe,
  kFile,
  kFullSocket,
  kTimer,
  kEpoll,
  kNull,
  kFull,        // eventfds: one on which a write blocks
  kFullAtOnce,  // one on which a write fails at once
  kSemaphore,
};

inline bool IsEvent(Event what) {
  return what == Event::kFull || what == Event::kFullAtOnce || what == Event::kSemaphore;
}

// A descriptor, and what must stay open with it.
struct Made {
  UniqueFd fd;
  UniqueFd other;
};

Made Make(Event what);

inline constexpr std::pair<Event, const char*> kEvents[] = {
    {Event::kFullPipe, "a full pipe"},  {Event::kClosedPipe, "a closed pipe"},
    {Event::kFile, "a file"},           {Event::kFullSocket, "a full socket"},
    {Event::kTimer, "a timer"},         {Event::kEpoll, "an epoll set"},
    {Event::kNull, "/dev/null"},        {Event::kFull, "a full eventfd"},
    {Event::kSemaphore, "a semaphore"}, {Event::kFullAtOnce, "a full eventfd that does not block"},
};

}  // namespace weft::hostile
