// SPDX-License-Identifier: Apache-2.0
// What weftd is called with, and its manual page, which has each option as it is declared here.
// Control thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/config/reader.h"

namespace weft {

struct WeftdOptions {
  bool check = false;
  bool supervise = false;
  bool reference = false;
  bool nodes = false;
  bool commands = false;
  bool manual = false;
  bool own_manual = false;
  bool version = false;
  bool help = false;
  std::string file;  // empty if none was named

  // Whether weftd is to print what is declared, and to run nothing.
  bool Describes() const { return reference || nodes || commands || manual || own_manual; }
};

// InvalidArgument: what was not expected.
absl::StatusOr<WeftdOptions> ParseWeftdOptions(std::span<const std::string> arguments);

std::string WeftdUsage();
// weftd(8), as man reads it, with the sections and keys of startup.conf.
std::string WeftdManual(const Schemas& schemas);

}  // namespace weft
