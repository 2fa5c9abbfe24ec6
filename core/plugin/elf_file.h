// SPDX-License-Identifier: Apache-2.0
// What can be read of a shared object without loading it. Any thread.
#pragma once

#include <elf.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weft {

class ElfFile {
 public:
  // The shared object open as `fd`, which may be any regular file and stays open meanwhile. Errors,
  // to be read behind the file's name: it is no shared object for this machine, or it is damaged.
  static absl::StatusOr<ElfFile> Read(int fd);

  // The first `limit` bytes of the section `name`; nothing if there is no such section.
  absl::StatusOr<std::optional<std::string>> Section(std::string_view name, size_t limit) const;
  // OK if dlclose will take it away again; else what keeps it, to be read behind the file's name.
  absl::Status CheckUnloads() const;

 private:
  explicit ElfFile(int fd) : fd_(fd) {}

  absl::Status CheckFlags(const Elf64_Shdr& dynamic) const;
  absl::Status CheckSymbols(const Elf64_Shdr& symbols) const;

  int fd_;
  std::vector<Elf64_Shdr> sections_;
  Elf64_Shdr names_{};
};

}  // namespace weft
