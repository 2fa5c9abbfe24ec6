// SPDX-License-Identifier: Apache-2.0
// The process behind SilentFiles that serves: as much of the FUSE protocol (linux/fuse.h, minor
// version 31) as opening a file takes. What it does not want to answer it keeps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/unique_fd.h"

struct fuse_in_header;

namespace weft::hostile {

class FileServer {
 public:
  // A file's name is its number, and this before it if it answers halfway.
  static constexpr char kHalfway = 'h';

  // A file system that is mounted nowhere.
  static absl::StatusOr<FileServer> Make();
  // What files of it are opened from.
  UniqueFd TakeRoot() { return std::move(root_); }
  // For who is not to serve.
  void CloseDevice() { device_.reset(); }

  // Serves until the other end of `control` is closed. It takes the numbers of files to release.
  void Serve(int control);

 private:
  struct Held {
    uint64_t unique;
    uint64_t node;
    uint32_t opcode;
  };

  FileServer(UniqueFd device, UniqueFd root) : device_(std::move(device)), root_(std::move(root)) {}
  void Answer(const fuse_in_header& request, const std::byte* body);
  void Reply(uint64_t unique, int error, std::span<const std::byte> body);
  void Refuse(const Held& request);
  void Release(uint32_t file);

  UniqueFd device_;
  UniqueFd root_;
  std::vector<Held> held_;
  std::set<uint64_t> released_;  // nodes
};

}  // namespace weft::hostile
