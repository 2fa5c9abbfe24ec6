// SPDX-License-Identifier: Apache-2.0
// The mbuf pools of the room's devices, one a device. A pool outlives its device while somebody
// else still holds one of its mbufs: what was sent through a net_ring lies there until its reader
// takes it. Control thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"

struct rte_mempool;

namespace weft::nic {

class MbufPools {
 public:
  // `buffers` mbufs, each for a frame of up to `frame` bytes in one piece.
  struct Size {
    uint32_t buffers;
    uint32_t frame;

    // Memory that the pool takes, rounded up.
    uint64_t Bytes() const;
  };

  MbufPools() = default;
  ~MbufPools();  // a pool that is still in use stays, to the end of the process
  MbufPools(const MbufPools&) = delete;
  MbufPools& operator=(const MbufPools&) = delete;

  // ResourceExhausted says how much memory is missing. `socket`: its NUMA node, or SOCKET_ID_ANY.
  absl::StatusOr<rte_mempool*> Make(Size size, int socket);
  // The device has closed: frees the pool now or, when its last mbuf is back, at a later call.
  void Retire(rte_mempool* pool);
  // How many retired pools wait for mbufs.
  size_t waiting() const { return retired_.size(); }

 private:
  void Sweep();

  uint64_t made_ = 0;  // for names
  std::vector<rte_mempool*> retired_;
};

}  // namespace weft::nic
