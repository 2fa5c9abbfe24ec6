// SPDX-License-Identifier: Apache-2.0
#include "core/tenant/unmap.h"

#include <pthread.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <memory>

namespace weft {
namespace {

// What takes a millisecond or two, whoever does it. While a piece goes, other threads wait that map
// something, and those that have a page fault behind these: so nobody does more of it at once.
constexpr size_t kPiece = size_t{4} << 20;

struct Work {
  uint8_t* at;
  size_t length;
  size_t piece;  // at most; whole pages
};

void* Run(void* argument) {
  const std::unique_ptr<Work> work(static_cast<Work*>(argument));
  for (size_t done = 0; done < work->length; done += work->piece)
    munmap(work->at + done, std::min(work->piece, work->length - done));
  return nullptr;
}

}  // namespace

void Unmap(void* at, size_t length, size_t page_size) {
  Work* const work =
      std::make_unique<Work>(Work{static_cast<uint8_t*>(at), length, std::max(kPiece, page_size)})
          .release();
  if (length <= work->piece) {
    Run(work);
    return;
  }
  // Not a std::thread, which throws if there is none to be had.
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread{};
  if (pthread_create(&thread, &attributes, Run, work) != 0) Run(work);  // nothing better is left
  pthread_attr_destroy(&attributes);
}

}  // namespace weft
