// SPDX-License-Identifier: Apache-2.0
// What the kernel says of a network interface, in whichever network namespace it is; and running
// something in such a namespace. Control thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/sdk/weft.h"

namespace weft::af_xdp {

// "cannot WHAT: No such device", as a status whose code says what may be done: Unavailable if it
// may come right by itself, PermissionDenied with advice if a right is missing.
absl::Status SystemError(std::string_view what, int error);

// Runs `work` with that network namespace (a path; empty: weftd's own) as its thread's own, and
// waits for it. The thread is one that has no way back and ends: control itself never leaves.
absl::Status InNamespace(const std::string& path, const std::function<absl::Status()>& work);

class KernelInterface {
 public:
  struct State {
    unsigned index = 0;  // another one each time an interface of that name is made
    bool enabled = false;
    bool carrier = false;
    uint32_t mtu = 0;
  };

  // The interface need not be there. Unavailable: there is no such namespace.
  static absl::StatusOr<KernelInterface> In(const std::string& namespace_path, std::string name);

  // Unavailable if there is none, or the namespace is not the one at the path any more.
  absl::StatusOr<State> Look() const;
  // Receive queues that it has now; nothing if its driver does not say.
  std::optional<uint32_t> ReceiveQueues() const;
  // Whether it is an end of a veth pair.
  bool IsVeth() const;

  const std::string& name() const { return name_; }

 private:
  struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    friend bool operator==(const Identity&, const Identity&) = default;
  };

  KernelInterface() = default;
  static std::optional<Identity> IdentityOf(const std::string& path);

  std::string name_;
  std::string namespace_path_;  // empty: weftd's own
  Identity namespace_{};
  UniqueFd socket_;  // in the namespace; asks and is told, never sends
};

}  // namespace weft::af_xdp
