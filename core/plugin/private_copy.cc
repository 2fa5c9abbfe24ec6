// SPDX-License-Identifier: Apache-2.0
#include "core/plugin/private_copy.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "core/base/text.h"

namespace weft {
namespace {

absl::Status CannotCopy() {
  return absl::UnavailableError(Cat(" cannot be copied into memory: ", std::strerror(errno)));
}

bool WriteAll(int fd, const char* from, size_t length) {
  while (length > 0) {
    const ssize_t put = write(fd, from, length);
    if (put < 0) return false;
    from += put;
    length -= static_cast<size_t>(put);
  }
  return true;
}

}  // namespace

absl::StatusOr<UniqueFd> PrivateCopy(int fd, const std::string& name) {
  UniqueFd copy(memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!copy.valid()) return CannotCopy();
  std::vector<char> chunk(size_t{64} << 10);
  size_t total = 0;
  for (;;) {
    const ssize_t got = pread(fd, chunk.data(), chunk.size(), static_cast<off_t>(total));
    if (got < 0) return absl::UnavailableError(Cat(" cannot be read: ", std::strerror(errno)));
    if (got == 0) break;
    total += static_cast<size_t>(got);
    if (total > kLargestPlugin) {
      return absl::InvalidArgumentError(
          Cat(" is larger than ", kLargestPlugin >> 20, " MB: no plugin is"));
    }
    if (!WriteAll(copy.get(), chunk.data(), static_cast<size_t>(got))) return CannotCopy();
  }
  // Pages that are mapped privately, as the loader does, may still be written: relocations.
  if (fcntl(copy.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
    return CannotCopy();
  return copy;
}

}  // namespace weft
