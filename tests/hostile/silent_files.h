// SPDX-License-Identifier: Apache-2.0
// Files of a file system that a tenant serves itself (FUSE) and that does not answer: whoever asks
// it anything waits. Two processes: one serves, with no such file of its own, and one opens the
// files and sends them. We never have one, for we would wait for ourselves. Both end with us,
// whatever becomes of us, and whoever waits then is told that the file system is gone.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "absl/status/statusor.h"
#include "core/base/unique_fd.h"

namespace weft::hostile {

class SilentFiles {
 public:
  enum class Kind : uint8_t {
    kSilent,   // it can be opened, and that is all
    kHalfway,  // it also says what it is, a file of 64 MiB, and can be closed
  };

  // Call it before there are threads. Unavailable: this machine serves no files for us.
  static absl::StatusOr<std::unique_ptr<SilentFiles>> Start();
  ~SilentFiles();
  SilentFiles(const SilentFiles&) = delete;
  SilentFiles& operator=(const SilentFiles&) = delete;

  // ---- Any thread

  // Sends these bytes over the socket, a new file with them. The file's number; nothing if that
  // does not work.
  std::optional<uint32_t> Send(int socket, Kind kind, std::span<const std::byte> bytes);
  // From here on who waits for the file, or asks it, hears of an error.
  void Release(uint32_t file);

 private:
  SilentFiles() = default;

  std::mutex mutex_;
  uint32_t files_ = 0;
  pid_t server_pid_ = 0;
  UniqueFd server_;  // takes numbers of files to release
  UniqueFd opener_;  // takes what is to be sent, says that it was
};

}  // namespace weft::hostile
