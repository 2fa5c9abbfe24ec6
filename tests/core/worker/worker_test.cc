// SPDX-License-Identifier: Apache-2.0
// A worker with the heap for packets: it starts, works, sleeps, lets control change what it reads,
// and stops.
#include "core/worker/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <thread>
#include <utility>

#include "core/base/text.h"
#include "core/graph/arc_entry.h"
#include "core/graph/held_nodes.h"
#include "core/worker/cpu_set.h"
#include "core/worker/eal.h"
#include "tests/support/graph_harness.h"

namespace weft {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

// Brings one packet, and could be woken if it had more.
class Once final : public Input<Once> {
 public:
  static constexpr NodeSpec kSpec{.name = "once", .help = "One packet."};
  void Poll(Frame& frame) {
    if (std::exchange(done_, true)) return;
    Packet* const packet = graph_->pool().Take();
    if (packet == nullptr) return;
    uint8_t* const header = packet->snapshot() + Packet::kVirtioNetHeader;
    std::fill_n(header, 60, uint8_t{2});
    packet->Reset(PortId(0), header, 60);
    frame.Push(packet);
  }
  bool CanSleep() { return true; }

 private:
  bool done_ = false;
};

// Keeps what it gets for so long.
class Keeper final : public Node<Keeper> {
 public:
  static constexpr NodeSpec kSpec{.name = "keeper",
                                  .arc = "port-input",
                                  .last = true,
                                  .keeps = true,
                                  .help = "Has packets go on later."};
  enum class Next : uint8_t { kPortOutput };
  static constexpr auto kNexts = Labels<Next>({{Next::kPortOutput, "port-output", "later"}});
  enum class Drop : uint8_t { kNoRoom };
  static constexpr auto kDrops = Labels<Drop>({{Drop::kNoRoom, "no-room", "too many wait"}});
  explicit Keeper(Time time) : time_(time) {}
  void Process(Frame& frame) {
    ForEach(frame, [this](Packet& packet) -> Verdict {
      packet.set_out_port(PortId(1));
      const Owned owned = Own(packet);
      if (!owned) return Drop::kNoRoom;
      SendAt(owned, Now() + time_, Next::kPortOutput);
      return Consumed();
    });
  }

 private:
  const Time time_;
};

class WorkerTest : public ::testing::Test {
 protected:
  WorkerTest() {
    Add<ArcEntry<Arc::kPortInput>>();
    Add<ArcEntry<Arc::kPortOutput>>();
    Add<testing::MemoryInput>(std::ref(memory_));
    Add<testing::MemoryOutput>(std::ref(memory_));
    Add<testing::PairSwitch>();
    plan_ = *GraphPlan::Build(catalog_);
    Publish();
  }
  template <typename N, typename... Args>
  void Add(Args... args) {
    EXPECT_TRUE(
        catalog_.Add(NodeClassOf<N>([args...](WorkerId) { return std::make_unique<N>(args...); }))
            .ok());
  }
  void Publish() {
    tables_.Store(rcu_,
                  *ArcTables::Build(*plan_, {{.port = PortId(0), .output = "memory-output"},
                                             {.port = PortId(1), .output = "memory-output"}}));
  }
  std::unique_ptr<Worker> Make(WorkerOptions options) {
    options.core = AvailableCores().back();
    return std::make_unique<Worker>(options, plan_, tables_, rcu_, heap_);
  }
  // A guard against hanging, not a measure.
  static bool Until(const std::function<bool()>& condition) {
    for (int i = 0; i < 60'000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }

  testing::MemoryPorts memory_;
  NodeCatalog catalog_;
  std::shared_ptr<const GraphPlan> plan_;
  Rcu rcu_;
  Published<ArcTables> tables_;
  HeapPacketMemory heap_;
};

TEST_F(WorkerTest, BringsPacketsThroughItsGraph) {
  for (uint32_t i = 0; i < 600; ++i) {
    memory_.waiting.push_back(
        {PortId(0), testing::FrameTo(testing::MacNumber(2)).Seed(i).Build(), 60});
  }
  const auto worker = Make({.id = WorkerId(0)});
  EXPECT_EQ(worker->pool_size(), WorkerOptions().pool_size);
  ASSERT_TRUE(worker->Start().ok());
  EXPECT_TRUE(Until([&] { return worker->counters().port(PortId(1)).tx_packets.value() == 600; }));
  worker->Stop();
  EXPECT_EQ(memory_.sent[PortId(1)].size(), 600U);
  EXPECT_EQ(worker->counters().dispatches.value(), 3U) << "vectors of 256, 256 and 88";
}

TEST_F(WorkerTest, ChangesPassWhileItWorksAndWhileItSleeps) {
  for (const bool sleeps : {false, true}) {
    const auto worker = Make({.id = WorkerId(0), .sleeps = sleeps});
    ASSERT_TRUE(worker->Start().ok());
    for (int i = 0; i < 100; ++i) {
      Publish();
      EXPECT_TRUE(Until([&] { return rcu_.Poll() == 0; }));
    }
    worker->Stop();
  }
}

TEST_F(WorkerTest, WhatStartedBeforeItsThreadWaitsForIt) {
  // As soon as Start returns, control may rely on the worker's being counted.
  for (int i = 0; i < 20; ++i) {
    const auto worker = Make({.id = WorkerId(1), .sleeps = false});
    ASSERT_TRUE(worker->Start().ok());
    const uint64_t polls = worker->counters().polls.value();
    rcu_.Defer([] {});
    EXPECT_TRUE(Until([&] { return rcu_.Poll() == 0; }));
    EXPECT_GT(worker->counters().polls.value(), polls);
  }
}

TEST_F(WorkerTest, StopsAndStartsAgain) {
  const auto worker = Make({.id = WorkerId(0)});
  worker->Stop();  // was never started
  for (int i = 0; i < 3; ++i) {
    const uint64_t polls = worker->counters().polls.value();
    ASSERT_TRUE(worker->Start().ok());
    EXPECT_TRUE(Until([&] { return worker->counters().polls.value() > polls; }));
    worker->Stop();
    worker->Stop();
    rcu_.Defer([] {});
    EXPECT_EQ(rcu_.Poll(), 0U) << "nobody waits for a worker that is gone";
  }
}

// All that it could be woken by is the time of the packet.
TEST_F(WorkerTest, SleepsNoLongerThanUntilAPacketIsDue) {
  constexpr Time kLater = std::chrono::milliseconds(20);
  catalog_ = NodeCatalog();
  Add<ArcEntry<Arc::kPortInput>>();
  Add<ArcEntry<Arc::kPortOutput>>();
  Add<HeldInput>();
  Add<HeldOutput>();
  Add<Once>();
  Add<Keeper>(kLater);
  Add<testing::MemoryOutput>(std::ref(memory_));
  plan_ = *GraphPlan::Build(catalog_);
  Publish();
  const auto worker =
      Make({.id = WorkerId(0), .quiet = Time::zero(), .longest_sleep = std::chrono::hours(1)});
  const MonotonicClock clock;
  const Time start = clock.Now();
  ASSERT_TRUE(worker->Start().ok());
  EXPECT_TRUE(Until([&] { return worker->counters().port(PortId(1)).tx_packets.value() == 1; }));
  EXPECT_GE(clock.Now() - start, kLater);
  EXPECT_GE(worker->counters().sleeps.value(), 1U);
  worker->Stop();
}

TEST_F(WorkerTest, GivesBackWhatNodesKeepWhenItEnds) {
  catalog_ = NodeCatalog();
  Add<ArcEntry<Arc::kPortInput>>();
  Add<ArcEntry<Arc::kPortOutput>>();
  Add<HeldInput>();
  Add<HeldOutput>();
  Add<Once>();
  Add<Keeper>(HeldPackets::kLongest);
  Add<testing::MemoryOutput>(std::ref(memory_));
  plan_ = *GraphPlan::Build(catalog_);
  Publish();
  const auto worker = Make({.id = WorkerId(0)});
  ASSERT_TRUE(worker->Start().ok());
  EXPECT_TRUE(Until([&] { return worker->graph().held_packets()->held() == 1; }));
  worker->Stop();
  EXPECT_EQ(worker->counters().port(PortId(1)).tx_packets.value(), 0U);
}

TEST_F(WorkerTest, SaysWhenMemoryIsShort) {
  struct None final : PacketMemory {
    size_t Allocate(PacketSlot**, size_t) override { return 0; }
    void Free(PacketSlot**, size_t) override {}
  } none;
  const Worker worker({.id = WorkerId(0)}, plan_, tables_, rcu_, none);
  EXPECT_EQ(worker.pool_size(), 0U);
}

TEST(CpuSet, ChoosesWhatIsThere) {
  EXPECT_THAT(*ChooseCores({}, {0, 1, 5}), ElementsAre(5)) << "the last one";
  EXPECT_THAT(*ChooseCores({5, 0}, {0, 1, 5}), ElementsAre(5, 0)) << "in their order";
  EXPECT_EQ(MessageOf(ChooseCores({0, 7}, {0, 1, 5}).status()),
            "core 7 is not available to this process (there are: 0, 1, 5)");
  EXPECT_EQ(MessageOf(ChooseCores({}, {}).status()), "this process may not use any core");
}

TEST(CpuSet, PinsTheCallingThreadAlone) {
  const std::vector<uint16_t> all = AvailableCores();
  ASSERT_FALSE(all.empty());
  std::vector<uint16_t> seen;
  std::thread([&] {
    PinCallingThread({all.back()});
    seen = AvailableCores();
  }).join();
  EXPECT_THAT(seen, ElementsAre(all.back()));
  EXPECT_EQ(AvailableCores(), all);
}

std::string After(const std::vector<std::string>& arguments, const std::string& option) {
  const auto found = std::find(arguments.begin(), arguments.end(), option);
  return found == arguments.end() || found + 1 == arguments.end() ? "" : *(found + 1);
}

TEST(EalArguments, DeriveWhatNobodyShouldHaveToWrite) {
  const std::vector<std::string> arguments = EalArguments({});
  EXPECT_EQ(arguments.front(), "weftd");
  EXPECT_EQ(After(arguments, "-l"), std::to_string(AvailableCores().front()));
  EXPECT_EQ(After(arguments, "-m"), "64");
  EXPECT_THAT(arguments, Contains("--no-pci"));
  EXPECT_THAT(arguments, Contains("--iova-mode=va")) << "no need for physical addresses";
  EXPECT_THAT(arguments, Contains("--no-shconf"));
  EXPECT_THAT(arguments, Contains("--file-prefix=weft-" + std::to_string(getpid())))
      << "several run side by side";
}

TEST(EalArguments, AskForDevicesAndMemory) {
  const std::vector<std::string> arguments =
      EalArguments({.pci_devices = {"0000:3b:00.1", "0000:3b:00.2,a=b"},
                    .memory = uint64_t{100} << 20,
                    .extra = {"--no-huge"}});
  EXPECT_THAT(arguments, Not(Contains("--no-pci")));
  EXPECT_THAT(arguments, Not(Contains("--iova-mode=va"))) << "EAL knows what the devices need";
  EXPECT_EQ(After(arguments, "-a"), "0000:3b:00.1");
  EXPECT_THAT(arguments, Contains("0000:3b:00.2,a=b"));
  EXPECT_EQ(After(arguments, "-m"), "216") << "twice, and 16";
  EXPECT_EQ(std::count(arguments.begin(), arguments.end(), "--no-huge"), 1);
}

TEST(EalArguments, YieldToTheOperators) {
  const std::vector<std::string> arguments = EalArguments(
      {.pci_devices = {},
       .extra = {"-l", "3", "--file-prefix=mine", "-m", "512", "--in-memory", "--vdev=net_null0"}});
  EXPECT_EQ(std::count(arguments.begin(), arguments.end(), "-l"), 1);
  EXPECT_EQ(After(arguments, "-l"), "3");
  EXPECT_EQ(After(arguments, "-m"), "512");
  EXPECT_THAT(arguments, Not(Contains("--no-huge"))) << "DPDK refuses it with --in-memory";
  EXPECT_EQ(std::count_if(arguments.begin(), arguments.end(),
                          [](const std::string& a) { return a.starts_with("--file-prefix"); }),
            1);
  EXPECT_EQ(arguments.back(), "--vdev=net_null0") << "theirs come last";
}

}  // namespace
}  // namespace weft
