// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/things.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>

#include "core/base/text.h"

namespace weft::hostile {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kTiB = uint64_t{1} << 40;

UniqueFd Open(const char* path, int flags) { return UniqueFd(open(path, flags | O_CLOEXEC)); }

void Fill(int fd) {
  fcntl(fd, F_SETFL, O_NONBLOCK);
  const std::array<char, 4096> bytes{};
  while (write(fd, bytes.data(), bytes.size()) > 0) {
  }
  fcntl(fd, F_SETFL, 0);
}

UniqueFd FullEvent(int flags) {
  UniqueFd fd(eventfd(0, EFD_CLOEXEC | flags));
  return eventfd_write(fd.get(), 0xffff'ffff'ffff'fffe) == 0 ? std::move(fd) : UniqueFd();
}

}  // namespace

UniqueFd Memfd(uint64_t bytes, unsigned flags) {
  UniqueFd fd(memfd_create("lie", MFD_CLOEXEC | flags));
  if (ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) return UniqueFd();
  return fd;
}

UniqueFd Make(File file) {
  std::array<int, 2> ends{-1, -1};
  switch (file) {
    case File::kMemory:
      return Memfd(64 * kMiB);
    case File::kShort:
      return Memfd(kPage);
    case File::kSparse:
      return Memfd(kTiB);
    case File::kReadOnly: {
      const UniqueFd memory = Memfd(64 * kMiB);
      return Open(Cat("/proc/self/fd/", memory.get()).c_str(), O_RDONLY);
    }
    case File::kSealed: {
      UniqueFd memory = Memfd(64 * kMiB, MFD_ALLOW_SEALING);
      fcntl(memory.get(), F_ADD_SEALS, F_SEAL_WRITE);
      return memory;
    }
    case File::kPipe: {
      if (pipe2(ends.data(), O_CLOEXEC) != 0) return UniqueFd();
      const UniqueFd other(ends[1]);
      return UniqueFd(ends[0]);
    }
    case File::kSocket:
      return UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    case File::kEventFd:
      return UniqueFd(eventfd(0, EFD_CLOEXEC));
    case File::kTimer:
      return UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    case File::kEpoll:
      return UniqueFd(epoll_create1(EPOLL_CLOEXEC));
    case File::kNull:
      return Open("/dev/null", O_RDWR);
    case File::kZero:
      return Open("/dev/zero", O_RDWR);
    case File::kDirectory:
      return Open("/", O_RDONLY | O_DIRECTORY);
    case File::kProcess:
      return Open("/proc/self/mem", O_RDWR);
  }
  return UniqueFd();
}

Made Make(Event what) {
  std::array<int, 2> ends{-1, -1};
  switch (what) {
    case Event::kFullPipe:
    case Event::kClosedPipe: {
      if (pipe2(ends.data(), O_CLOEXEC) != 0) return {};
      Made made{UniqueFd(ends[1]), UniqueFd(ends[0])};
      if (what == Event::kFullPipe) {
        Fill(made.fd.get());
      } else {
        made.other.reset();
      }
      return made;
    }
    case Event::kFullSocket: {
      if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return {};
      Fill(ends[0]);
      return {UniqueFd(ends[0]), UniqueFd(ends[1])};
    }
    case Event::kFile:
      return {UniqueFd(memfd_create("lie", MFD_CLOEXEC)), {}};
    case Event::kTimer:
      return {UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)), {}};
    case Event::kEpoll:
      return {UniqueFd(epoll_create1(EPOLL_CLOEXEC)), {}};
    case Event::kNull:
      return {UniqueFd(open("/dev/null", O_RDWR | O_CLOEXEC)), {}};
    case Event::kFull:
      return {FullEvent(0), {}};
    case Event::kFullAtOnce:
      return {FullEvent(EFD_NONBLOCK), {}};
    case Event::kSemaphore:
      return {UniqueFd(eventfd(5, EFD_CLOEXEC | EFD_SEMAPHORE)), {}};
  }
  return {};
}

}  // namespace weft::hostile
