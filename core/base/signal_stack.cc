// SPDX-License-Identifier: Apache-2.0
#include "core/base/signal_stack.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/base/signal_text.h"

namespace weft {
namespace {

constexpr size_t kDeepest = 24;

bool IsPrivateCopy(const char* path) {
  constexpr const char* kCopies = "/proc/self/fd/";
  return std::strncmp(path, kCopies, std::strlen(kCopies)) == 0;
}

}  // namespace

void PrepareStack() {
  std::array<void*, 1> frame{};
  backtrace(frame.data(), 1);
}

// What the loader has is found without its locks, which the thread may hold that loads a plugin.
void PrintStack(int fd, const char* plugin) {
  std::array<void*, kDeepest> frames{};
  const int count = backtrace(frames.data(), static_cast<int>(frames.size()));
  const link_map* innermost = nullptr;  // of the private copies
  for (int i = 0; i < count; ++i) {
    void* const at = frames[static_cast<size_t>(i)];
    dl_find_object found{};
    SignalText line;
    line.Add("  in ");
    if (_dl_find_object(at, &found) == 0) {
      const link_map* const file = found.dlfo_link_map;
      if (innermost == nullptr && IsPrivateCopy(file->l_name)) innermost = file;
      if (file == innermost) {
        line.Add(plugin);
        line.Add(".so");
      } else {  // the loader has no name for the program itself
        line.Add(*file->l_name == '\0' ? "weftd" : file->l_name);
      }
      line.Add(" +");
      line.AddHex(reinterpret_cast<uintptr_t>(at) - file->l_addr);
    } else {
      line.AddHex(reinterpret_cast<uintptr_t>(at));
    }
    line.Add("\n");
    line.Print(fd);
  }
}

}  // namespace weft
