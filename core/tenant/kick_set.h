// SPDX-License-Identifier: Apache-2.0
// The kick eventfds of the rings that one worker polls, in an epoll of our own, so that the worker
// can sleep on one descriptor. They are watched edge-triggered and never read (hostile.md): each
// write of a container wakes, and no container can make a read block. Control adds and removes; the
// worker waits and drains.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "core/base/unique_fd.h"

namespace weft {

class KickSet {
 public:
  KickSet();

  // Control: watches `eventfd` until the last owner of the result is gone, and then closes it.
  // ResourceExhausted if the system does not let us watch it.
  static absl::StatusOr<std::shared_ptr<const UniqueFd>> Watched(std::shared_ptr<const KickSet> set,
                                                                 UniqueFd eventfd);

  // Readable while a kick has come in that was not drained.
  int fd() const { return epoll_.get(); }
  // Worker: forgets the kicks so far. Rings are looked at after it.
  void Drain() const;

 private:
  const UniqueFd epoll_;
};

}  // namespace weft
