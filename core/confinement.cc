// SPDX-License-Identifier: Apache-2.0
#include "core/confinement.h"

#include <linux/capability.h>

#include <cstdio>
#include <cstdlib>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/worker/eal.h"

namespace weft {
namespace {

// Directories and sockets of ports are given to tenants, and made again where a tenant owns the
// directory: at a reload, at `port add`, or when a container with `listen = "container"` is back.
constexpr CapabilitySet kForPorts{CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER};
// Raw sockets and interfaces; and the memory that vfio pins for a device (RLIMIT_MEMLOCK).
constexpr CapabilitySet kForNics{CAP_NET_RAW, CAP_NET_ADMIN, CAP_IPC_LOCK};
// XDP programs and their maps (bpf(2)); setns(2).
constexpr CapabilitySet kForPrograms{CAP_BPF};
constexpr CapabilitySet kForNamespaces{CAP_SYS_ADMIN};

absl::Status WhatToDo(const absl::Status& status) {
  return absl::Status(status.code(), Cat("sandbox: ", MessageOf(status),
                                         "; [weft] sandbox = \"off\" goes without"));
}

}  // namespace

Confinement::Confinement(const WeftConfig& config, const EalNeeds& needs)
    : mode_(config.sandbox), kept_(kForPorts) {
  if (needs.network) kept_ = kept_ | kForNics;
  if (needs.programs) kept_ = kept_ | kForPrograms;
  if (needs.namespaces) kept_ = kept_ | kForNamespaces;
  for (const std::string& name : config.keep_capabilities) {
    kept_.Add(CapabilitySet::NumberOf(name).value());  // WeftConfig::Check knows them all
  }
  network_ = kept_.Has(CAP_NET_RAW) || kept_.Has(CAP_NET_ADMIN);
  programs_ = kept_.Has(CAP_BPF);
  namespaces_ = kept_.Has(CAP_SYS_ADMIN);
}

SyscallFilter Confinement::Filter(SyscallFilter::Room room) const {
  return {.room = room,
          .forbidden = mode_ == Sandbox::kRefuse ? SyscallFilter::Forbidden::kFails
                                                 : SyscallFilter::Forbidden::kEndsTheProcess,
          .network = network_,
          .programs = programs_,
          .namespaces = namespaces_};
}

absl::Status Confinement::Enter() const {
  if (mode_ == Sandbox::kOff) {
    LogWarning(Cat("sandbox: ", ToString()));
    return absl::OkStatus();
  }
  const std::string kept = ToString();
  // The one other thread that is there and does not see to itself, as the notifier does.
  absl::Status status;
  const absl::Status ran = OnEalThread([&] { status = KeepOnly(kept_); });
  if (!ran.ok()) return WhatToDo(ran);
  if (status.ok()) status = KeepOnly(kept_);
  if (status.ok()) status = Filter(SyscallFilter::Room::kControl).LoadForAll();
  if (!status.ok()) return WhatToDo(status);
  LogInfo(Cat("sandbox: ", kept));
  return absl::OkStatus();
}

void Confinement::EnterWorker() const {
  if (mode_ == Sandbox::kOff) return;
  absl::Status status = KeepOnly({});
  if (status.ok()) status = Filter(SyscallFilter::Room::kWorker).Load();
  if (status.ok()) return;
  // What the whole process could do a moment ago: a worker without it must not run.
  std::fprintf(stderr, "weftd: a worker: %s\n", MessageOf(WhatToDo(status)).c_str());
  std::abort();
}

std::string Confinement::ToString() const {
  if (mode_ == Sandbox::kOff) return "off, weftd keeps every right that it is started with";
  return Cat("of its capabilities weftd keeps ", (CapabilitySet::Effective() & kept_).ToString(),
             ", of system calls those that a switch ", network_ ? "with" : "without",
             " network interfaces", programs_ ? " and programs for them" : "",
             namespaces_ ? " in other namespaces" : "", " needs");
}

}  // namespace weft
