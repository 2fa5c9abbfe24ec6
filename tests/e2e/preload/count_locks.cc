// SPDX-License-Identifier: Apache-2.0
// A library for LD_PRELOAD: how often each thread has taken a lock of the C library, and how often
// it has asked for memory or given some back (which may take one, too). The file $WEFT_LOCKS is
// mapped: a row for each thread, {its number, locks, memory}, of 64 bits each. syscalls_test.py
// reads it.
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

struct Row {
  std::atomic<int64_t> thread, locks, memory;
};
constexpr size_t kRows = 4096 / sizeof(Row);

std::atomic<Row*> g_rows = nullptr;  // a C library has no other place for them
std::atomic<size_t> g_used = 0;
// A place that asks for no memory of its own.
[[gnu::tls_model("initial-exec")]] thread_local Row* t_row = nullptr;

[[gnu::constructor]] void FindRows() {
  const char* const path = std::getenv("WEFT_LOCKS");
  if (path == nullptr) return;
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void* const at = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (at != MAP_FAILED) g_rows = static_cast<Row*>(at);
}

// This thread's row; null if there is none any more.
Row* Own() {
  Row* const rows = g_rows;
  if (t_row != nullptr || rows == nullptr) return t_row;
  const size_t next = g_used++;
  if (next >= kRows) return nullptr;
  rows[next].thread = gettid();
  return t_row = &rows[next];
}

void CountLock() {
  if (Row* const row = Own(); row != nullptr) ++row->locks;
}
void CountMemory() {
  if (Row* const row = Own(); row != nullptr) ++row->memory;
}

// The function that this one stands before.
template <typename F>
F* Next(F*, const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
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
void __libc_free(void*);

void* malloc(size_t size) {
  CountMemory();
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  CountMemory();
  return __libc_calloc(count, size);
}
void* realloc(void* at, size_t size) {
  CountMemory();
  return __libc_realloc(at, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  CountMemory();
  return __libc_memalign(alignment, size);
}
void free(void* at) {
  CountMemory();
  __libc_free(at);
}

#define WEFT_LOCK(name, type)                    \
  int name(type* lock) noexcept {                \
    static const auto next = Next(&name, #name); \
    CountLock();                                 \
    return next(lock);                           \
  }
WEFT_LOCK(pthread_mutex_lock, pthread_mutex_t)
WEFT_LOCK(pthread_mutex_trylock, pthread_mutex_t)
WEFT_LOCK(pthread_rwlock_rdlock, pthread_rwlock_t)
WEFT_LOCK(pthread_rwlock_tryrdlock, pthread_rwlock_t)
WEFT_LOCK(pthread_rwlock_wrlock, pthread_rwlock_t)
WEFT_LOCK(pthread_rwlock_trywrlock, pthread_rwlock_t)
#undef WEFT_LOCK

}  // extern "C"
// NOLINTEND(readability-inconsistent-declaration-parameter-name,bugprone-macro-parentheses)
