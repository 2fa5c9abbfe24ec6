// SPDX-License-Identifier: Apache-2.0
#include "core/tenant/eventfd.h"

#include <unistd.h>

#include <array>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace weft {

bool IsEventFd(int fd) {
  std::array<char, 64> target{};
  const ssize_t length =
      readlink(absl::StrCat("/proc/self/fd/", fd).c_str(), target.data(), target.size());
  // A path in a file system starts with '/', so nobody can name a file like this.
  return length > 0 &&
         std::string_view(target.data(), static_cast<size_t>(length)) == "anon_inode:[eventfd]";
}

}  // namespace weft
