// SPDX-License-Identifier: Apache-2.0
#include "core/base/plugin_on_stack.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace weft {
namespace {

constexpr size_t kDeepest = 32;

// A private copy is opened by the link "/proc/self/fd/12" to "/memfd:NAME.so (deleted)". The name;
// empty if the loader has it from elsewhere.
std::string_view NameOfCopy(const char* path, std::array<char, 200>& link) {
  constexpr std::string_view kCopies = "/proc/self/fd/", kMemory = "/memfd:";
  if (!std::string_view(path).starts_with(kCopies)) return {};
  const ssize_t length = readlink(path, link.data(), link.size());
  std::string_view name(link.data(), length < 0 ? 0 : static_cast<size_t>(length));
  if (!name.starts_with(kMemory)) return {};
  name.remove_prefix(kMemory.size());
  return name.substr(0, name.find('.'));
}

}  // namespace

// What the loader has is found without its locks, which the thread may hold that loads a plugin.
bool NamePluginOnStack(char* name, size_t size) {
  std::array<void*, kDeepest> frames{};
  const int count = backtrace(frames.data(), static_cast<int>(frames.size()));
  for (int i = 0; i < count; ++i) {
    dl_find_object found{};
    if (_dl_find_object(frames[static_cast<size_t>(i)], &found) != 0) continue;
    std::array<char, 200> link;
    const std::string_view copy = NameOfCopy(found.dlfo_link_map->l_name, link);
    if (copy.empty()) continue;
    const size_t length = std::min(copy.size(), size - 1);
    std::copy_n(copy.begin(), length, name);
    name[length] = '\0';
    return true;
  }
  return false;
}

}  // namespace weft
