// SPDX-License-Identifier: Apache-2.0
// The daemon's end of the control socket: accepts clients of allowed users and runs what they ask.
// Owned by the daemon; control thread. A client that is slow, silent or garbled harms only itself.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/base/event_loop.h"
#include "core/base/unique_fd.h"
#include "core/shell/connection.h"

namespace weft {

class CommandTable;

struct ControlServerOptions {
  std::vector<uid_t> allowed_uids;  // beside root and the daemon's own
  mode_t mode = 0600;
  size_t max_connections = 32;
  ConnectionLimits limits;
};

class ControlServer {
 public:
  // `loop` and `commands` outlive the server.
  ControlServer(EventLoop& loop, const CommandTable& commands, ControlServerOptions options = {});
  // Closes all connections and removes the socket, if it is still the one that we made.
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  // Starts to listen at `path`, once. Errors of weft::Listen.
  absl::Status Listen(const std::string& path);

  size_t connections() const { return connections_.size(); }

 private:
  void Accept();
  // Why a client is not served; empty if it is.
  std::string Refusal(int fd) const;
  bool IsOurs() const;

  EventLoop& loop_;
  const CommandTable& commands_;
  const ControlServerOptions options_;
  UniqueFd listener_;
  std::string path_;
  dev_t device_ = 0;  // of the socket at path_, with inode_
  ino_t inode_ = 0;
  EventLoop::TimerId resume_ = 0;
  std::map<int, std::unique_ptr<Connection>> connections_;  // by descriptor
};

}  // namespace weft
