// SPDX-License-Identifier: Apache-2.0
// A test bench for NICs: a real graph (dpdk-input, a switch that joins ports 0 and 1, 2 and 3,
// nic-output) whose packets come from a mempool, with ports of real DPDK drivers. Rings are NICs
// whose other ends the test holds. Each worker has a graph of its own, which the test walks. EAL
// runs.
#pragma once

#include <rte_mempool.h>
#include <rte_ring.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/event_loop.h"
#include "core/base/rcu.h"
#include "core/graph/arc_tables.h"
#include "core/graph/graph.h"
#include "core/packet/packet_pool.h"
#include "nodes/nic/nic_port.h"
#include "nodes/nic/nic_state.h"
#include "tests/support/frames.h"

struct rte_mbuf;

namespace weft::nic {

using weft::testing::Bytes;

class NicBench {
 public:
  explicit NicBench(uint16_t workers = 1);
  ~NicBench();  // every mbuf of the bench must be back
  NicBench(const NicBench&) = delete;
  NicBench& operator=(const NicBench&) = delete;

  // Opens a port and waits until it is up. Its queue q is worker q's, modulo the workers.
  NicPort& AddPort(uint16_t number, std::string_view device, uint16_t mtu = 1500,
                   uint16_t queues = 1);
  std::unique_ptr<NicPort> MakePort(uint16_t number, std::string_view device, uint16_t mtu = 1500,
                                    uint16_t queues = 1);
  // One with `wait = true`.
  std::unique_ptr<NicPort> MakeWaitingPort(uint16_t number, std::string_view device);
  void RemovePort(uint16_t number);
  // Runs the control loop until `done`, for at most 10 seconds; false if it never was.
  bool RunLoopUntil(const std::function<bool()>& done);

  // Polls all inputs of a worker once; the number of packets that came in.
  size_t Poll(uint16_t worker = 0) { return workers_[worker]->graph->PollInputs(); }
  // Polls until a round of all workers brings nothing.
  size_t Run();

  Graph& graph(uint16_t worker = 0) { return *workers_[worker]->graph; }
  uint64_t Dropped(uint16_t port, std::string_view node, std::string_view reason) const;
  uint64_t Counted(std::string_view node, std::string_view counter) const;
  const PortCounters& counters(uint16_t port, uint16_t worker = 0) const {
    return workers_[worker]->counters.port(PortId(port));
  }
  const NodeCounters& node(std::string_view name, uint16_t worker = 0) const {
    return workers_[worker]->counters.node(catalog_.Find(name)->id);
  }
  int ups(uint16_t port) { return ups_[port]; }
  int downs(uint16_t port) { return downs_[port]; }
  NicState& state() { return state_; }

  Rcu& rcu() { return rcu_; }
  EventLoop& loop() { return loop_; }
  PacketPool& packets() { return workers_[0]->packets; }

  // An mbuf chain of the bench's pool that holds `frame`, in pieces of at most `piece` bytes, the
  // first with `headroom` bytes before it.
  rte_mbuf* MakeMbuf(const Bytes& frame, size_t piece = 2048, uint16_t headroom = 128);

 private:
  struct BenchWorker {
    explicit BenchWorker(PacketMemory& memory);
    PacketPool packets;
    WorkerCounters counters;
    std::unique_ptr<Graph> graph;
  };

  NicPort::Options OptionsOf(uint16_t number, uint16_t mtu, uint16_t queues);

  Rcu rcu_;
  EventLoop loop_;
  NicState state_;
  std::map<uint16_t, std::unique_ptr<NicPort>> ports_;
  std::map<uint16_t, int> ups_;
  std::map<uint16_t, int> downs_;
  rte_mempool* mbufs_;
  rte_mempool* slots_;
  MempoolPacketMemory memory_;
  NodeCatalog catalog_;
  Published<ArcTables> tables_;
  std::vector<std::unique_ptr<BenchWorker>> workers_;
};

// A pair of rings that DPDK sees as the device name().
class RingNic {
 public:
  // `flags`: of the rings, as rte_ring_create takes them.
  explicit RingNic(std::string_view name, unsigned slots = 1024, unsigned flags = 0);
  ~RingNic();  // with what is in the rings
  RingNic(const RingNic&) = delete;
  RingNic& operator=(const RingNic&) = delete;

  const std::string& name() const { return name_; }
  // The NIC receives this.
  void Receive(rte_mbuf* mbuf);
  // What the NIC has sent since the last call, in order.
  std::vector<Bytes> TakeSent();

 private:
  std::string name_;
  rte_ring* to_switch_;
  rte_ring* from_switch_;
};

}  // namespace weft::nic
