// SPDX-License-Identifier: Apache-2.0
#include "core/runtime_dir.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "core/base/runtime_path.h"
#include "core/base/text.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

absl::Status CheckOwner(const std::string& path, const struct stat& info) {
  if (!S_ISDIR(info.st_mode)) return absl::FailedPreconditionError(Cat(path, " is no directory"));
  if (info.st_uid != geteuid()) {
    return absl::FailedPreconditionError(Cat("runtime directory ", path, " belongs to user ",
                                             info.st_uid, ", and weftd runs as ", geteuid(),
                                             ": set [weft] runtime-dir to a directory of its own"));
  }
  return absl::OkStatus();
}

}  // namespace

std::string RuntimeDir(const WeftConfig& config) {
  if (config.runtime_dir) return *config.runtime_dir;
  return DefaultRuntimeDir(geteuid(), std::getenv("XDG_RUNTIME_DIR"));
}

std::string ControlSocketPath(const WeftConfig& config, const std::string& runtime_dir) {
  return fs::path(runtime_dir) / config.control_socket;  // an absolute path stays as it is
}

absl::Status PrepareRuntimeDir(const std::string& path) {
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  const mode_t mode = geteuid() == 0 ? 0755 : 0700;
  if (mkdir(path.c_str(), mode) == 0) {
    chmod(path.c_str(), mode);  // whatever the umask is
    return absl::OkStatus();
  }
  if (errno != EEXIST) {
    return absl::FailedPreconditionError(Cat("cannot make the runtime directory ", path, ": ",
                                             std::strerror(errno), "; set [weft] runtime-dir"));
  }
  return CheckRuntimeDir(path);
}

absl::Status CheckRuntimeDir(const std::string& path) {
  struct stat info {};
  if (lstat(path.c_str(), &info) == 0) return CheckOwner(path, info);
  // The nearest parent that exists must let us make directories.
  fs::path parent = fs::absolute(path).parent_path();
  while (parent.has_relative_path() && !fs::exists(parent)) parent = parent.parent_path();
  if (access(parent.c_str(), W_OK | X_OK) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(Cat("cannot make the runtime directory ", path,
                                           ": no right to write in ", parent.string(),
                                           "; set [weft] runtime-dir"));
}

}  // namespace weft
