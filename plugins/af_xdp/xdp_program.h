// SPDX-License-Identifier: Apache-2.0
// The program that an interface runs for each frame that comes in: into the socket of the queue
// that the frame came on. Made and attached by bpf(2) itself, for it is five instructions; what a
// library would add (a dispatcher for several programs, files under /sys/fs/bpf) outlives the
// process, and weft's programs must not. A bpf_link holds it: when that descriptor closes, at the
// latest as weftd ends in whatever way, the interface is as it was. Control thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/sdk/weft.h"
#include "plugins/af_xdp/af_xdp_config.h"

namespace weft::af_xdp {

class XdpProgram {
 public:
  // Gives the kernel the program, with a place for so many sockets.
  static absl::StatusOr<std::unique_ptr<XdpProgram>> Make(uint32_t queues);

  // Frames of this queue go to that socket from now on.
  absl::Status Lead(uint32_t queue, int socket);
  // Has the interface run it: in the driver if that can, else (but not with zero-copy) in front of
  // the kernel's own stack. In the calling thread's network namespace.
  absl::Status Attach(unsigned interface, Mode mode);
  // Whether the driver runs it.
  bool in_driver() const { return in_driver_; }

 private:
  XdpProgram() = default;

  UniqueFd sockets_;  // the map
  UniqueFd program_;
  UniqueFd link_;
  bool in_driver_ = false;
};

}  // namespace weft::af_xdp
