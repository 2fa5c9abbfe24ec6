// SPDX-License-Identifier: Apache-2.0
#include "tests/nodes/nic/eal/nic_bench.h"

#include <gtest/gtest.h>
#include <rte_dev.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <cstdlib>

#include "core/base/text.h"
#include "core/graph/arc_entry.h"
#include "nodes/nic/dpdk_input.h"
#include "nodes/nic/nic_output.h"
#include "tests/support/graph_harness.h"

namespace weft::nic {
namespace {

constexpr size_t kPorts = 8;
constexpr size_t kSlots = 512;

template <typename T>
T* Need(T* made, std::string_view what) {
  if (made == nullptr) {
    ADD_FAILURE() << "no memory for " << what;
    std::abort();
  }
  return made;
}

// Names of DPDK objects are unique in the process.
std::string Unique(std::string_view stem) {
  static int number = 0;
  return Cat(stem, number++);
}

template <typename N, typename... Args>
NodeClass ClassOf(Args... args) {
  return NodeClassOf<N>([args...](WorkerId) { return std::make_unique<N>(args...); });
}

}  // namespace

NicBench::BenchWorker::BenchWorker(PacketMemory& memory) : packets(memory, kSlots) {}

NicBench::NicBench(uint16_t workers)
    : state_(rcu_),
      mbufs_(Need(rte_pktmbuf_pool_create(Unique("bench-mbufs").c_str(), 2047, 0, 0,
                                          RTE_PKTMBUF_HEADROOM + 2048, SOCKET_ID_ANY),
                  "mbufs")),
      slots_(Need(
          rte_mempool_create(Unique("bench-slots").c_str(), workers * kSlots, sizeof(PacketSlot), 0,
                             0, nullptr, nullptr, nullptr, nullptr, SOCKET_ID_ANY, 0),
          "packets")),
      memory_(slots_) {
  const Published<NicTable>& table = state_.table();
  const auto add = [this](NodeClass node) { EXPECT_TRUE(catalog_.Add(std::move(node)).ok()); };
  add(ClassOf<ArcEntry<Arc::kPortInput>>());
  add(ClassOf<ArcEntry<Arc::kPortOutput>>());
  add(ClassOf<testing::PairSwitch>());
  add(NodeClassOf<DpdkInput>(
      [&table](WorkerId worker) { return std::make_unique<DpdkInput>(table, worker); }));
  add(NodeClassOf<NicOutput>(
      [&table](WorkerId worker) { return std::make_unique<NicOutput>(table, worker); }));
  auto plan = GraphPlan::Build(catalog_);
  EXPECT_TRUE(plan.ok()) << plan.status();
  std::vector<PortWiring> wirings;
  for (uint16_t port = 0; port < kPorts; ++port) {
    wirings.push_back({.port = PortId(port), .output = "nic-output"});
  }
  auto tables = ArcTables::Build(**plan, wirings);
  EXPECT_TRUE(tables.ok()) << tables.status();
  tables_.Store(rcu_, *std::move(tables));
  for (uint16_t worker = 0; worker < workers; ++worker) {
    BenchWorker& made = *workers_.emplace_back(std::make_unique<BenchWorker>(memory_));
    made.graph =
        std::make_unique<Graph>(*plan, WorkerId(worker), tables_, made.packets, made.counters);
    state_.AddWorker();
  }
}

NicBench::~NicBench() {
  ports_.clear();
  rcu_.Poll();
  for (const auto& worker : workers_) worker->graph.reset();
  EXPECT_EQ(rte_mempool_full(mbufs_), 1)
      << rte_mempool_in_use_count(mbufs_) << " mbufs of the bench are lost";
  rte_mempool_free(mbufs_);
  // The workers still have its slots: the mempool stays, the process is short.
}

NicPort::Options NicBench::OptionsOf(uint16_t number, uint16_t mtu, uint16_t queues) {
  std::vector<WorkerId> workers;
  for (uint16_t queue = 0; queue < queues; ++queue) {
    workers.emplace_back(static_cast<uint16_t>(queue % workers_.size()));
  }
  return {.id = PortId(number),
          .workers = std::move(workers),
          .name = Cat("nic-", number),
          .mtu = mtu,
          .on_up = [this, number] { ++ups_[number]; },
          .on_down = [this, number] { ++downs_[number]; }};
}

std::unique_ptr<NicPort> NicBench::MakePort(uint16_t number, std::string_view device, uint16_t mtu,
                                            uint16_t queues) {
  return std::make_unique<NicPort>(state_, loop_, Device::Parse(device).value(),
                                   OptionsOf(number, mtu, queues));
}

std::unique_ptr<NicPort> NicBench::MakeWaitingPort(uint16_t number, std::string_view device) {
  NicPort::Options options = OptionsOf(number, 1500, 1);
  options.wait = true;
  return std::make_unique<NicPort>(state_, loop_, Device::Parse(device).value(),
                                   std::move(options));
}

NicPort& NicBench::AddPort(uint16_t number, std::string_view device, uint16_t mtu,
                           uint16_t queues) {
  std::unique_ptr<NicPort>& port = ports_[number] = MakePort(number, device, mtu, queues);
  const absl::Status opened = port->Open();
  EXPECT_TRUE(opened.ok()) << opened;
  EXPECT_TRUE(RunLoopUntil([&] { return port->Status().state == PortState::kUp; }))
      << port->Status().reason;
  return *port;
}

void NicBench::RemovePort(uint16_t number) {
  ports_.erase(number);
  rcu_.Poll();
}

bool NicBench::RunLoopUntil(const std::function<bool()>& done) {
  const Time end = loop_.Now() + std::chrono::seconds(10);
  while (!done()) {
    if (loop_.Now() > end) return false;
    loop_.RunOnce(std::chrono::milliseconds(10));
    rcu_.Poll();
  }
  return true;
}

size_t NicBench::Run() {
  size_t total = 0;
  for (size_t packets = 1; packets != 0; total += packets) {
    packets = 0;
    for (const auto& worker : workers_) packets += worker->graph->PollInputs();
  }
  return total;
}

uint64_t NicBench::Dropped(uint16_t port, std::string_view node, std::string_view reason) const {
  const NodeClass* const node_class = catalog_.Find(node);
  for (size_t i = 0; i < node_class->drops.size(); ++i) {
    if (node_class->drops[i].name != reason) continue;
    uint64_t count = 0;
    for (const auto& worker : workers_) {
      count += worker->counters.drop(PortId(port), node_class->first_drop + i).value();
    }
    return count;
  }
  ADD_FAILURE() << node << " has no drop " << reason;
  return 0;
}

uint64_t NicBench::Counted(std::string_view node, std::string_view counter) const {
  const NodeClass* const node_class = catalog_.Find(node);
  for (size_t i = 0; i < node_class->counters.size(); ++i) {
    if (node_class->counters[i].name != counter) continue;
    uint64_t count = 0;
    for (const auto& worker : workers_) {
      count += worker->counters.counter(node_class->first_counter + i).value();
    }
    return count;
  }
  ADD_FAILURE() << node << " has no counter " << counter;
  return 0;
}

rte_mbuf* NicBench::MakeMbuf(const Bytes& frame, size_t piece, uint16_t headroom) {
  rte_mbuf* first = nullptr;
  size_t at = 0;
  do {
    rte_mbuf* const mbuf = Need(rte_pktmbuf_alloc(mbufs_), "an mbuf");
    if (first == nullptr) mbuf->data_off = headroom;
    const size_t part = std::min(piece, frame.size() - at);
    std::copy_n(frame.data() + at, part, rte_pktmbuf_mtod(mbuf, uint8_t*));
    mbuf->data_len = static_cast<uint16_t>(part);
    mbuf->pkt_len = static_cast<uint32_t>(part);
    at += part;
    if (first == nullptr) {
      first = mbuf;
    } else {
      EXPECT_EQ(rte_pktmbuf_chain(first, mbuf), 0);
    }
  } while (at < frame.size());
  return first;
}

RingNic::RingNic(std::string_view name, unsigned slots, unsigned flags)
    : to_switch_(
          Need(rte_ring_create(Unique("bench-in").c_str(), slots, SOCKET_ID_ANY, flags), "a ring")),
      from_switch_(Need(rte_ring_create(Unique("bench-out").c_str(), slots, SOCKET_ID_ANY, flags),
                        "a ring")) {
  const std::string unique = Unique(name);
  name_ = "net_ring_" + unique;
  EXPECT_GE(rte_eth_from_rings(unique.c_str(), &to_switch_, 1, &from_switch_, 1, 0), 0);
}

RingNic::~RingNic() {
  TakeSent();
  void* mbuf = nullptr;
  while (rte_ring_dequeue(to_switch_, &mbuf) == 0) rte_pktmbuf_free(static_cast<rte_mbuf*>(mbuf));
  rte_eal_hotplug_remove("vdev", name_.c_str());  // DPDK has room for 32 devices
  rte_ring_free(to_switch_);
  rte_ring_free(from_switch_);
}

void RingNic::Receive(rte_mbuf* mbuf) { EXPECT_EQ(rte_ring_enqueue(to_switch_, mbuf), 0); }

std::vector<Bytes> RingNic::TakeSent() {
  std::vector<Bytes> sent;
  void* taken = nullptr;
  while (rte_ring_dequeue(from_switch_, &taken) == 0) {
    auto* const mbuf = static_cast<rte_mbuf*>(taken);
    Bytes frame(mbuf->pkt_len);
    const void* const bytes = rte_pktmbuf_read(mbuf, 0, mbuf->pkt_len, frame.data());
    if (bytes != frame.data())
      std::copy_n(static_cast<const uint8_t*>(bytes), frame.size(), frame.data());
    sent.push_back(std::move(frame));
    rte_pktmbuf_free(mbuf);
  }
  return sent;
}

}  // namespace weft::nic
