// SPDX-License-Identifier: Apache-2.0
// Where a port's connections come from: a socket that weft listens on, or one that it connects to
// again and again. Which files exist on disk is decided here and nowhere else. Control thread.
#pragma once

#include <sys/socket.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "core/base/event_loop.h"
#include "core/base/unique_fd.h"
#include "core/tenant/file_rights.h"

namespace weft {

struct EndpointOptions {
  bool connects = false;   // to a socket that the container listens on; else weft listens
  int type = SOCK_STREAM;  // or SOCK_SEQPACKET
  std::string path;
  // True for the port's own directory, whose owner and rights follow the options; one that was
  // there before and is somebody's choice is left as it is.
  bool own_directory = false;
  FileRights rights;
};

class Endpoint {
 public:
  enum class Mode {
    kIdle,    // leaves connections where they are
    kTake,    // hands over one and is idle
    kRefuse,  // closes those that come
  };
  class Owner {
   public:
    virtual ~Owner() = default;
    // A connected, non-blocking socket. The mode is kIdle now.
    virtual void OnConnection(UniqueFd socket) = 0;
    // Somebody connects in mode kRefuse. False: leave him waiting for now.
    virtual bool OnSurplus() = 0;
    // A socket that may hold what a container has sent: to be closed. Also called when the endpoint
    // goes.
    virtual void OnDiscarded(UniqueFd socket) = 0;
    // There is nobody to connect to; called at each attempt.
    virtual void OnUnreachable(const absl::Status& why) = 0;
  };

  virtual ~Endpoint() = default;
  // Prepares the directory and the socket; the mode is kIdle. Errors name the path and what to do.
  virtual absl::Status Open() = 0;
  virtual void SetMode(Mode mode) = 0;

  static std::unique_ptr<Endpoint> Make(EventLoop& loop, const EndpointOptions& options,
                                        Owner& owner);
};

}  // namespace weft
