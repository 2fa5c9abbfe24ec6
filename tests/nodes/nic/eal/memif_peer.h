// SPDX-License-Identifier: Apache-2.0
// The other end of a memif: this program once more, in a process of its own, that sends back all
// that it gets. (DPDK's driver does not take both ends in one process.)
#pragma once

#include <sys/types.h>

#include <string>

namespace weft::nic {

inline constexpr char kMemifPeerFlag[] = "--memif-peer";

class MemifPeer {
 public:
  // Connects to `socket` as soon as somebody listens there.
  explicit MemifPeer(const std::string& socket);
  ~MemifPeer();  // ends the process
  MemifPeer(const MemifPeer&) = delete;
  MemifPeer& operator=(const MemifPeer&) = delete;

 private:
  pid_t pid_ = -1;
};

// What that process does, until it is killed. EAL runs. Returns its exit status.
int RunMemifPeer(const std::string& socket);

}  // namespace weft::nic
