// SPDX-License-Identifier: Apache-2.0
// What weftd gives up before its first port is made: the capabilities that its ports do not need,
// in every thread, and all system calls but those of core/sandbox/syscall_groups.h. A container
// that takes over weft by a frame gains little then. [weft] sandbox says whether; docs/adr/0009 why
// so. Control thread, but for EnterWorker.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "core/config/config.h"
#include "core/module.h"
#include "core/sandbox/capabilities.h"
#include "core/sandbox/syscall_filter.h"

namespace weft {

class Confinement {
 public:
  Confinement(const WeftConfig& config, const EalNeeds& needs);

  // Once, when EAL has started and before workers do: they and all later threads inherit it.
  absl::Status Enter() const;
  // The calling thread is a worker: it keeps no capability and fewer system calls still.
  void EnterWorker() const;

  // What Enter keeps, as a sentence without its end.
  std::string ToString() const;

 private:
  SyscallFilter Filter(SyscallFilter::Room room) const;

  const Sandbox mode_;
  CapabilitySet kept_;
  bool network_ = false;
  bool programs_ = false;
  bool namespaces_ = false;
};

}  // namespace weft
