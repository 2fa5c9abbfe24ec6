// SPDX-License-Identifier: Apache-2.0
// A library for LD_PRELOAD: fails the n-th call of a group (memory, map, descriptor, thread, file)
// and moves the wall clock, as the file $WEFT_PLAN says. That file is mapped, so that a test can
// change its mind while the program runs. resources.py writes it; see Plan there.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

enum Group : int64_t { kMemory, kMap, kDescriptor, kThread, kFile, kGroups };

struct Plan {
  std::atomic<int64_t> group{-1};  // of which a call is to fail, or -1
  std::atomic<int64_t> left{0};    // calls of that group until it does
  std::atomic<int64_t> failed{0};
  std::atomic<int64_t> clock{0};  // seconds by which the wall clock is wrong
  std::atomic<int64_t> clock_read{0};
  std::atomic<int64_t> calls[kGroups]{};
};

Plan* g_plan = nullptr;  // a C library has no other place for it

[[gnu::constructor]] void FindPlan() {
  const char* const path = std::getenv("WEFT_PLAN");
  if (path == nullptr) return;
  const int fd = static_cast<int>(open(path, O_RDWR | O_CLOEXEC));
  if (fd < 0) return;
  void* const at = mmap(nullptr, sizeof(Plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (at != MAP_FAILED) g_plan = static_cast<Plan*>(at);
}

// libseccomp 2.5 frees twice, and is aborted, when it is out of memory while rules are added. That
// is not ours to mend: the next call of somebody else fails in its place.
bool IsLibseccomp(const void* caller) {
  Dl_info info;
  return caller != nullptr && dladdr(caller, &info) != 0 && info.dli_fname != nullptr &&
         std::strstr(info.dli_fname, "libseccomp") != nullptr;
}

// True if this call is the one to fail.
bool Fails(Group group, int error, const void* caller = nullptr) {
  if (g_plan == nullptr) return false;
  ++g_plan->calls[group];
  if (g_plan->group != group || --g_plan->left != 0) return false;
  if (IsLibseccomp(caller)) {
    g_plan->left = 1;
    return false;
  }
  ++g_plan->failed;
  errno = error;
  return true;
}

// The function that this one stands before.
template <typename F>
F* Next(F*, const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

mode_t ModeOf(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

// The parameters' names are ours, where the system's have underscores; a macro's argument is a
// name. NOLINTBEGIN(readability-inconsistent-declaration-parameter-name,bugprone-macro-parentheses)
extern "C" {

// glibc's own names: dlsym allocates.
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

void* malloc(size_t size) {
  return Fails(kMemory, ENOMEM, __builtin_return_address(0)) ? nullptr : __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  return Fails(kMemory, ENOMEM, __builtin_return_address(0)) ? nullptr : __libc_calloc(count, size);
}
void* realloc(void* at, size_t size) {
  return Fails(kMemory, ENOMEM, __builtin_return_address(0)) ? nullptr : __libc_realloc(at, size);
}
void* memalign(size_t alignment, size_t size) {
  return Fails(kMemory, ENOMEM, __builtin_return_address(0)) ? nullptr
                                                             : __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void** at, size_t alignment, size_t size) {
  *at = memalign(alignment, size);
  return *at == nullptr ? ENOMEM : 0;
}

#define WEFT_NEXT(name) static const auto next = Next(&name, #name)

void* mmap(void* at, size_t size, int protection, int flags, int fd, off_t offset) noexcept {
  WEFT_NEXT(mmap);
  return Fails(kMap, ENOMEM) ? MAP_FAILED : next(at, size, protection, flags, fd, offset);
}
void* mmap64(void* at, size_t size, int protection, int flags, int fd, off64_t offset) noexcept {
  WEFT_NEXT(mmap64);
  return Fails(kMap, ENOMEM) ? MAP_FAILED : next(at, size, protection, flags, fd, offset);
}

#define WEFT_OPEN(name)                                               \
  int name(const char* path, int flags, ...) {                        \
    static const auto next = Next(&name, #name);                      \
    va_list arguments;                                                \
    va_start(arguments, flags);                                       \
    const mode_t mode = ModeOf(flags, arguments);                     \
    va_end(arguments);                                                \
    return Fails(kDescriptor, EMFILE) ? -1 : next(path, flags, mode); \
  }
WEFT_OPEN(open)
WEFT_OPEN(open64)

#define WEFT_OPENAT(name)                                                     \
  int name(int folder, const char* path, int flags, ...) {                    \
    static const auto next = Next(&name, #name);                              \
    va_list arguments;                                                        \
    va_start(arguments, flags);                                               \
    const mode_t mode = ModeOf(flags, arguments);                             \
    va_end(arguments);                                                        \
    return Fails(kDescriptor, EMFILE) ? -1 : next(folder, path, flags, mode); \
  }
WEFT_OPENAT(openat)
WEFT_OPENAT(openat64)

FILE* fopen(const char* path, const char* mode) {
  WEFT_NEXT(fopen);
  return Fails(kDescriptor, EMFILE) ? nullptr : next(path, mode);
}
FILE* fopen64(const char* path, const char* mode) {
  WEFT_NEXT(fopen64);
  return Fails(kDescriptor, EMFILE) ? nullptr : next(path, mode);
}
FILE* tmpfile() {
  WEFT_NEXT(tmpfile);
  return Fails(kDescriptor, EMFILE) ? nullptr : next();
}
FILE* tmpfile64() {
  WEFT_NEXT(tmpfile64);
  return Fails(kDescriptor, EMFILE) ? nullptr : next();
}
int socket(int domain, int type, int protocol) noexcept {
  WEFT_NEXT(socket);
  return Fails(kDescriptor, EMFILE) ? -1 : next(domain, type, protocol);
}
int accept4(int fd, sockaddr* address, socklen_t* length, int flags) {
  WEFT_NEXT(accept4);
  return Fails(kDescriptor, EMFILE) ? -1 : next(fd, address, length, flags);
}
int eventfd(unsigned int count, int flags) noexcept {
  WEFT_NEXT(eventfd);
  return Fails(kDescriptor, EMFILE) ? -1 : next(count, flags);
}
int epoll_create1(int flags) noexcept {
  WEFT_NEXT(epoll_create1);
  return Fails(kDescriptor, EMFILE) ? -1 : next(flags);
}
int epoll_create(int size) noexcept {
  WEFT_NEXT(epoll_create);
  return Fails(kDescriptor, EMFILE) ? -1 : next(size);
}
int timerfd_create(int clock, int flags) noexcept {
  WEFT_NEXT(timerfd_create);
  return Fails(kDescriptor, EMFILE) ? -1 : next(clock, flags);
}
int signalfd(int fd, const sigset_t* mask, int flags) noexcept {
  WEFT_NEXT(signalfd);
  return Fails(kDescriptor, EMFILE) ? -1 : next(fd, mask, flags);
}
int memfd_create(const char* name, unsigned int flags) noexcept {
  WEFT_NEXT(memfd_create);
  return Fails(kDescriptor, EMFILE) ? -1 : next(name, flags);
}
int pipe(int* ends) noexcept {
  WEFT_NEXT(pipe);
  return Fails(kDescriptor, EMFILE) ? -1 : next(ends);
}
int pipe2(int* ends, int flags) noexcept {
  WEFT_NEXT(pipe2);
  return Fails(kDescriptor, EMFILE) ? -1 : next(ends, flags);
}
int socketpair(int domain, int type, int protocol, int* ends) noexcept {
  WEFT_NEXT(socketpair);
  return Fails(kDescriptor, EMFILE) ? -1 : next(domain, type, protocol, ends);
}
int accept(int fd, sockaddr* address, socklen_t* length) {
  WEFT_NEXT(accept);
  return Fails(kDescriptor, EMFILE) ? -1 : next(fd, address, length);
}
int dup(int fd) noexcept {
  WEFT_NEXT(dup);
  return Fails(kDescriptor, EMFILE) ? -1 : next(fd);
}
int dup2(int from, int to) noexcept {
  WEFT_NEXT(dup2);
  return Fails(kDescriptor, EMFILE) ? -1 : next(from, to);
}
int dup3(int from, int to, int flags) noexcept {
  WEFT_NEXT(dup3);
  return Fails(kDescriptor, EMFILE) ? -1 : next(from, to, flags);
}
DIR* opendir(const char* path) {
  WEFT_NEXT(opendir);
  return Fails(kDescriptor, EMFILE) ? nullptr : next(path);
}

// What stands behind the command is a number or a pointer, and passed on as it is.
#define WEFT_FCNTL(name)                                                               \
  int name(int fd, int command, ...) {                                                 \
    static const auto next = Next(&name, #name);                                       \
    va_list arguments;                                                                 \
    va_start(arguments, command);                                                      \
    void* const argument = va_arg(arguments, void*);                                   \
    va_end(arguments);                                                                 \
    const bool makes_one = command == F_DUPFD || command == F_DUPFD_CLOEXEC;           \
    return makes_one && Fails(kDescriptor, EMFILE) ? -1 : next(fd, command, argument); \
  }
WEFT_FCNTL(fcntl)
WEFT_FCNTL(fcntl64)

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                   void* argument) noexcept {
  WEFT_NEXT(pthread_create);
  return Fails(kThread, EAGAIN) ? EAGAIN : next(thread, attributes, run, argument);
}

int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) noexcept {
  WEFT_NEXT(epoll_ctl);
  return operation != EPOLL_CTL_DEL && Fails(kFile, ENOSPC) ? -1
                                                            : next(epoll, operation, fd, event);
}
int bind(int fd, const sockaddr* address, socklen_t length) noexcept {
  WEFT_NEXT(bind);
  return Fails(kFile, ENOSPC) ? -1 : next(fd, address, length);
}
int listen(int fd, int backlog) noexcept {
  WEFT_NEXT(listen);
  return Fails(kFile, ENOBUFS) ? -1 : next(fd, backlog);
}
int mkdir(const char* path, mode_t mode) noexcept {
  WEFT_NEXT(mkdir);
  return Fails(kFile, ENOSPC) ? -1 : next(path, mode);
}
int ftruncate(int fd, off_t size) noexcept {
  WEFT_NEXT(ftruncate);
  return Fails(kFile, ENOSPC) ? -1 : next(fd, size);
}

int clock_gettime(clockid_t clock, timespec* now) noexcept {
  WEFT_NEXT(clock_gettime);
  const int status = next(clock, now);
  if (g_plan != nullptr && status == 0 && clock == CLOCK_REALTIME) {
    ++g_plan->clock_read;
    now->tv_sec += g_plan->clock;
  }
  return status;
}
int gettimeofday(timeval* now, void* zone) noexcept {
  WEFT_NEXT(gettimeofday);
  const int status = next(now, zone);
  if (g_plan != nullptr && status == 0) {
    ++g_plan->clock_read;
    now->tv_sec += g_plan->clock;
  }
  return status;
}
time_t time(time_t* now) noexcept {
  timeval wall{};
  gettimeofday(&wall, nullptr);
  if (now != nullptr) *now = wall.tv_sec;
  return wall.tv_sec;
}

}  // extern "C"
// NOLINTEND(readability-inconsistent-declaration-parameter-name,bugprone-macro-parentheses)
