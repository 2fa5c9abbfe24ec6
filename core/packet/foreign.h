// SPDX-License-Identifier: Apache-2.0
// Foreign memory: bytes that somebody else (a container) may rewrite while we read them. ForeignPtr
// is the only way to reach it, and it has no operator*: a field is loaded once, into a private
// copy, and the copy is what is validated. Any thread.
//
// Builds with WEFT_COUNT_GUEST_LOADS (fuzzing, sanitizers) remember each byte that was loaded since
// the last ForeignLoadGuard and abort at a second load: a double fetch is a defect even where it
// does no harm today.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "core/packet/short_copy.h"
#include "core/packet/wide_copy.h"

namespace weft {

#if defined(WEFT_COUNT_GUEST_LOADS)
namespace internal {
// Records a load of [host, host + length) in the innermost ForeignLoadGuard of this thread, if
// there is one.
void NoteForeignLoad(const void* host, size_t length);
}  // namespace internal

// While it lives, no byte may be loaded twice on this thread. Open one for each poll of a ring.
class ForeignLoadGuard {
 public:
  ForeignLoadGuard();
  ~ForeignLoadGuard();
  ForeignLoadGuard(const ForeignLoadGuard&) = delete;
  ForeignLoadGuard& operator=(const ForeignLoadGuard&) = delete;
  // Opens a new window: bytes may be loaded once more.
  void Restart();
};
#else
class ForeignLoadGuard {
 public:
  ForeignLoadGuard() {}  // user-provided, so that an unused guard is no warning
  void Restart() {}
};
#endif

// A place in foreign memory. Copyable like a pointer, null by default; says nothing about how long
// the place is valid.
class ForeignPtr {
 public:
  constexpr ForeignPtr() = default;
  constexpr explicit ForeignPtr(uint8_t* host) : host_(host) {}

  constexpr explicit operator bool() const { return host_ != nullptr; }
  constexpr ForeignPtr operator+(size_t offset) const { return ForeignPtr(host_ + offset); }

  // Loads one field, once. Aligned fields of up to 8 bytes are loaded by one instruction.
  template <typename T>
  T Load(std::memory_order order = std::memory_order_relaxed) const {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);
    Note(sizeof(T));
    return std::atomic_ref<T>(*reinterpret_cast<T*>(host_)).load(order);
  }
  template <typename T>
  void Store(T value, std::memory_order order = std::memory_order_relaxed) const {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);
    std::atomic_ref<T>(*reinterpret_cast<T*>(host_)).store(value, order);
  }

  // Copies `length` bytes to private memory; each byte is read once.
  void CopyOut(void* to, size_t length) const {
    Note(length);
    std::memcpy(to, host_, length);
  }
  // The same for 8 to kMaxShortCopy bytes, without a call: what every packet pays.
  void CopyOutShort(void* to, size_t length) const {
    Note(length);
    ShortCopy(to, host_, length);
  }
  // Copies `length` private bytes here.
  void CopyIn(const void* from, size_t length) const { std::memcpy(host_, from, length); }
  // The same for 8 to kMaxShortCopy bytes, without a call.
  void CopyInShort(const void* from, size_t length) const { ShortCopy(host_, from, length); }
  // Copies `length` bytes from one tenant's memory straight into another's: the one copy of a
  // payload.
  void CopyFrom(ForeignPtr from, size_t length) const {
    from.Note(length);
    std::memcpy(host_, from.host_, length);
  }
  // The same; only where HasWideCopy().
  void CopyFromWide(ForeignPtr from, size_t length) const {
    from.Note(length);
    WideCopy(host_, from.host_, length);
  }
  void Zero(size_t length) const { std::memset(host_, 0, length); }
  void Prefetch() const { __builtin_prefetch(host_); }
  void PrefetchForWrite() const { __builtin_prefetch(host_, 1); }

  // The raw address, for comparing and for handing to the kernel. Dereferencing it is a defect.
  constexpr uint8_t* unsafe_host() const { return host_; }

 private:
  void Note([[maybe_unused]] size_t length) const {
#if defined(WEFT_COUNT_GUEST_LOADS)
    internal::NoteForeignLoad(host_, length);
#endif
  }

  uint8_t* host_ = nullptr;
};

}  // namespace weft
