// SPDX-License-Identifier: Apache-2.0
#include "nodes/nic/mbuf_pools.h"

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <unistd.h>

#include "core/base/text.h"

namespace weft::nic {
namespace {

// Each worker keeps some mbufs at hand; DPDK lets it keep half as many again.
constexpr uint32_t kCache = 128;

}  // namespace

uint64_t MbufPools::Size::Bytes() const {
  // An element has a header and a trailer of a cache line each, and is aligned to one.
  const uint64_t element =
      sizeof(rte_mbuf) + RTE_PKTMBUF_HEADROOM + frame + 3 * RTE_CACHE_LINE_SIZE;
  constexpr uint64_t kPoolItself = 256 << 10;
  return buffers * element + kPoolItself;
}

MbufPools::~MbufPools() { Sweep(); }

absl::StatusOr<rte_mempool*> MbufPools::Make(Size size, int socket) {
  Sweep();
  // Unique among what shares the memory with us: EAL processes of one file prefix.
  const std::string name = Cat("nic-", getpid(), "-", made_++);
  rte_mempool* const pool =
      rte_pktmbuf_pool_create(name.c_str(), size.buffers, kCache, 0,
                              static_cast<uint16_t>(RTE_PKTMBUF_HEADROOM + size.frame), socket);
  if (pool == nullptr) {
    return absl::ResourceExhaustedError(Cat("DPDK has no memory for ", size.buffers, " buffers of ",
                                            size.frame, " bytes, ", (size.Bytes() >> 20) + 1,
                                            " MB together (", rte_strerror(rte_errno),
                                            "); raise memory in [dpdk]"));
  }
  return pool;
}

void MbufPools::Retire(rte_mempool* pool) {
  retired_.push_back(pool);
  Sweep();
}

void MbufPools::Sweep() {
  std::erase_if(retired_, [](rte_mempool* pool) {
    if (rte_mempool_full(pool) == 0) return false;
    rte_mempool_free(pool);
    return true;
  });
}

}  // namespace weft::nic
