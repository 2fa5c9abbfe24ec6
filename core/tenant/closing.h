// SPDX-License-Identifier: Apache-2.0
// Closing a descriptor that a tenant has sent may wait for the tenant: a TCP socket that lingers, a
// file of a file system that the tenant serves itself. A UNIX socket that holds such descriptors,
// unread, is no better. So they are closed by a thread that is made for them and for this port
// alone; who makes it wait has a port that waits. Control thread; a VhostPort owns it.
//
// Eventfds and memory files that were recognised as such close at once, wherever that is.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/unique_fd.h"

namespace weft {

class Closing {
 public:
  void Close(std::vector<UniqueFd> fds);
  void Close(UniqueFd fd);

  // True until all of them are closed: the port takes no more from its tenant until then, so that
  // they cannot pile up.
  bool busy() const { return threads_->load() != 0; }

 private:
  // Outlives the port if a thread does.
  const std::shared_ptr<std::atomic<uint32_t>> threads_ =
      std::make_shared<std::atomic<uint32_t>>(0);
};

}  // namespace weft
