// SPDX-License-Identifier: Apache-2.0
// Ports come and go while workers run; what fails leaves everything as it was.
#include "core/switch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "core/arcs_module.h"
#include "tests/support/graph_harness.h"
#include "tests/support/switch_harness.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::MemoryInput;
using testing::MemoryOutput;
using testing::MemoryPorts;
using testing::PairSwitch;
using ::testing::SizeIs;
using testing::SwitchHarness;

// Seven features that do nothing: 128 different lists of them.
constexpr std::array<std::string_view, 7> kFeatures = {"f1", "f2", "f3", "f4", "f5", "f6", "f7"};
template <size_t kNumber>
class Idle final : public Feature<Idle<kNumber>> {
 public:
  static constexpr NodeSpec kSpec{
      .name = kFeatures[kNumber], .arc = "port-input", .help = "Does nothing."};
  void Process(Frame& frame) {
    this->ForEach(frame, [](Packet&) { return Feature<Idle<kNumber>>::Continue(); });
  }
};

// What the modules of a test did, and are to do.
struct Diary {
  std::vector<std::string> lines;
  int backends = 0;                      // that are there
  std::function<void()> on_up, on_down;  // of the last port that was made
  size_t queues = 1;                     // of the ports that are made
  bool defers_at_the_end = false;
  bool deferred_ran = false;

  std::vector<std::string> Take() { return std::exchange(lines, {}); }
};

class MemoryBackend final : public PortBackend {
 public:
  MemoryBackend(Diary& diary, std::string name) : diary_(diary), name_(std::move(name)) {
    ++diary_.backends;
  }
  ~MemoryBackend() override {
    --diary_.backends;
    diary_.lines.push_back("destroy " + name_);
  }
  absl::Status Open() override {
    if (name_ == "bad-open") return absl::UnavailableError("nobody is at home");
    diary_.lines.push_back("open " + name_);
    return absl::OkStatus();
  }
  PortStatus Status() const override { return {}; }
  std::vector<PortFact> Facts() const override { return {}; }

 private:
  Diary& diary_;
  const std::string name_;
};

// Brings the nodes, and ports of the kind "memory"; a port's name says how it fails.
class MemoryModule final : public Module {
 public:
  explicit MemoryModule(Diary& diary) : diary_(diary) {}
  ~MemoryModule() override {
    if (!diary_.defers_at_the_end) return;
    rcu_->Defer([&diary = diary_] { diary.deferred_ran = true; });
  }
  std::string_view name() const override { return "memory"; }
  void Register(Registry& registry) override {
    rcu_ = &registry.services().rcu;
    registry.AddNode<MemoryInput>(
        [this](WorkerId worker) { return std::make_unique<MemoryInput>(ports_[worker.value()]); });
    registry.AddNode<MemoryOutput>(
        [this](WorkerId worker) { return std::make_unique<MemoryOutput>(ports_[worker.value()]); });
    registry.AddNode<PairSwitch>([](WorkerId) { return std::make_unique<PairSwitch>(); });
    AddFeatures(registry, std::make_index_sequence<kFeatures.size()>());
    registry.AddPortKind({.name = "memory",
                          .help = "a port of a test",
                          .schema = &SchemaOf<NoKeys>(),
                          .output = "memory-output",
                          .make = [this](const PortRequest& request)
                              -> absl::StatusOr<std::unique_ptr<PortBackend>> {
                            if (request.config.name == "bad-make")
                              return absl::InternalError("it cannot be made");
                            for (size_t i = 1; i < diary_.queues; ++i) request.place_queue();
                            diary_.on_up = request.on_up;
                            diary_.on_down = request.on_down;
                            return std::make_unique<MemoryBackend>(diary_, request.config.name);
                          }});
  }
  absl::Status AddPort(PortId port, const PortConfig& config) override {
    diary_.lines.push_back(Cat("add ", port.value(), " ", config.name));
    if (config.name == "too-big") std::get_new_handler()();  // what operator new does
    return absl::OkStatus();
  }
  void RemovePort(PortId port) override { diary_.lines.push_back(Cat("remove ", port.value())); }
  void PortUp(PortId port) override { diary_.lines.push_back(Cat("up ", port.value())); }
  void PortDown(PortId port) override { diary_.lines.push_back(Cat("down ", port.value())); }

  Rcu& rcu() { return *rcu_; }

 private:
  struct NoKeys {
    static constexpr auto kFields = Fields();
  };
  template <size_t... kNumbers>
  static void AddFeatures(Registry& registry, std::index_sequence<kNumbers...>) {
    (registry.AddNode<Idle<kNumbers>>([](WorkerId) { return std::make_unique<Idle<kNumbers>>(); }),
     ...);
  }

  Diary& diary_;
  std::array<MemoryPorts, 4> ports_;  // of each worker; nobody sends
  Rcu* rcu_ = nullptr;
};

// Comes after the one that brings the ports, and does not want all of them.
class ChoosyModule final : public Module {
 public:
  std::string_view name() const override { return "choosy"; }
  void Register(Registry&) override {}
  absl::Status AddPort(PortId, const PortConfig& config) override {
    if (config.name == "bad-add") return absl::AlreadyExistsError("its address is taken");
    return absl::OkStatus();
  }
};

class SwitchTest : public ::testing::Test {
 protected:
  // Ports a and b, numbers 0 and 1.
  void Start(size_t workers = 1) {
    ASSERT_EQ(harness_.AddModule(std::make_unique<ArcsModule>()), "");
    auto memory = std::make_unique<MemoryModule>(diary_);
    memory_ = memory.get();
    ASSERT_EQ(harness_.AddModule(std::move(memory)), "");
    ASSERT_EQ(harness_.AddModule(std::make_unique<ChoosyModule>()), "");
    ASSERT_EQ(harness_.Start(Section("a") + Section("b"), workers), "");
    diary_.Take();
  }
  static std::string Section(std::string_view name, std::string_view features = "") {
    return Cat("[[port]]\nname = \"", name, "\"\nmemory = {}\n", features, "\n");
  }
  std::string Add(std::string_view name, std::string_view features = "") {
    return harness_.AddPort(Section(name, features));
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const auto& port : harness_->ports().ports()) names.push_back(port->name);
    return names;
  }
  bool IsWired(uint16_t port) {
    return harness_->arc_tables().arc(Arc::kPortInput).chain_of[port].valid();
  }
  PortId NumberOf(std::string_view name) {
    for (const auto& port : harness_->ports().ports()) {
      if (port->name == name) return port->id;
    }
    return PortId();
  }

  Diary diary_;
  MemoryModule* memory_ = nullptr;
  SwitchHarness harness_;
};

TEST_F(SwitchTest, TakesAPortBackWhenMemoryRanOut) {
  Start();
  EXPECT_EQ(Add("too-big"), "port \"too-big\": the system has no more memory");
  EXPECT_THAT(Names(), ElementsAre("a", "b"));
  EXPECT_FALSE(IsWired(2));
  EXPECT_THAT(diary_.Take(),
              ElementsAre("add 2 too-big", "open too-big", "remove 2", "destroy too-big"));
  EXPECT_EQ(diary_.backends, 2);
  // There is some again.
  EXPECT_EQ(Add("c"), "");
}

TEST_F(SwitchTest, StartsTheConfiguration) {
  Start();
  EXPECT_THAT(Names(), ElementsAre("a", "b"));
  EXPECT_THAT(harness_->workers(), SizeIs(1));
  EXPECT_TRUE(IsWired(0));
  EXPECT_TRUE(IsWired(1));
  EXPECT_FALSE(IsWired(2));
  EXPECT_EQ(harness_->PortDirectory("a"), harness_.directory() + "/ports/a");
  // The worker is at work.
  const Counter& polls = harness_->workers()[0]->counters().polls;
  EXPECT_TRUE(harness_.Until([&] { return polls.value() > 0; }));
}

TEST_F(SwitchTest, PlacesQueuesByLoad) {
  Start(3);
  const auto workers = [&](std::string_view name) {
    for (const auto& port : harness_->ports().ports()) {
      if (port->name == name) return WorkersOf(*port);
    }
    return std::string("there is no such port");
  };
  EXPECT_EQ(workers("a"), "0");
  EXPECT_EQ(workers("b"), "1");
  diary_.queues = 4;
  EXPECT_EQ(Add("c"), "");
  EXPECT_EQ(workers("c"), "2, 0, 1, 2") << "each worker before one gets two, the idle one first";
  diary_.queues = 1;
  EXPECT_EQ(Add("d"), "");
  EXPECT_EQ(workers("d"), "0");
  EXPECT_EQ(harness_.RemovePort("c"), "");
  EXPECT_EQ(Add("e"), "");
  EXPECT_EQ(workers("e"), "2") << "what a port had is free again";
}

TEST_F(SwitchTest, TellsModulesInOrder) {
  Start();
  EXPECT_EQ(Add("c"), "");
  EXPECT_THAT(diary_.Take(), ElementsAre("add 2 c", "open c"));
  diary_.on_up();
  diary_.on_up();
  EXPECT_THAT(diary_.Take(), ElementsAre("up 2")) << "once";
  EXPECT_EQ(harness_.RemovePort("c"), "");
  EXPECT_THAT(diary_.Take(), ElementsAre("down 2", "remove 2", "destroy c"));
  EXPECT_FALSE(IsWired(2));
  EXPECT_THAT(Names(), ElementsAre("a", "b"));
}

TEST_F(SwitchTest, TellsModulesThatSomebodyIsGoneWhoWasNeverUp) {
  Start();
  EXPECT_EQ(Add("c"), "");
  diary_.Take();
  diary_.on_down();
  EXPECT_THAT(diary_.Take(), ElementsAre("down 2"));
  EXPECT_EQ(harness_.RemovePort("c"), "");
  EXPECT_THAT(diary_.Take(), ElementsAre("remove 2", "destroy c")) << "a port that is down";
}

TEST_F(SwitchTest, AFailedAddLeavesAllAsItWas) {
  Start();
  struct Case {
    const char* name;
    const char* error;
    std::vector<std::string> lines;
  };
  const Case cases[] = {
      {"bad-add", "port \"bad-add\": its address is taken", {"add 2 bad-add", "remove 2"}},
      {"bad-make", "port \"bad-make\": it cannot be made", {"add 2 bad-make", "remove 2"}},
      {"bad-open",
       "port \"bad-open\": nobody is at home",
       {"add 2 bad-open", "remove 2", "destroy bad-open"}},
      {"a", "there is a port \"a\" already", {}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Add(c.name), c.error);
    EXPECT_EQ(diary_.Take(), c.lines);
    EXPECT_THAT(Names(), ElementsAre("a", "b"));
    EXPECT_TRUE(IsWired(0));
    EXPECT_TRUE(IsWired(1));
    EXPECT_FALSE(IsWired(2));
    EXPECT_EQ(diary_.backends, 2);
    // The next one gets the number, once the workers have let go of it.
    EXPECT_TRUE(harness_.Until([&] {
      if (!Add("c").empty()) return false;
      const bool same = NumberOf("c") == PortId(2);
      EXPECT_EQ(harness_.RemovePort("c"), "");
      return same;
    }));
    EXPECT_TRUE(harness_.Until([&] {
      const bool same = Add("d").empty() && NumberOf("d") == PortId(2);
      EXPECT_EQ(harness_.RemovePort("d"), "");
      return same;
    }));
    diary_.Take();
    // And the last round of it is over.
    bool quiet = false;
    memory_->rcu().Defer([&quiet] { quiet = true; });
    EXPECT_TRUE(harness_.Until([&] { return quiet; }));
  }
}

TEST_F(SwitchTest, AChainTooManyIsNoPort) {
  Start();
  const auto features = [](unsigned number) {
    std::string text;
    for (size_t f = 0; f < kFeatures.size(); ++f) {
      if ((number >> f & 1) != 0) Append(text, kFeatures[f], " = {}\n");
    }
    return text;
  };
  // Ports a and b have the empty list.
  for (unsigned i = 1; i < ArcTables::kMaxChains; ++i) {
    ASSERT_EQ(Add(Cat("p", i), features(i)), "");
  }
  EXPECT_EQ(Add("one-more", features(ArcTables::kMaxChains)),
            "port \"one-more\": more than 100 different lists of features on port-input");
  EXPECT_FALSE(NumberOf("one-more").valid());
  EXPECT_EQ(Add("another", features(5)), "") << "a list that is there";
}

TEST_F(SwitchTest, RemovesOnlyWhatIsThere) {
  Start();
  EXPECT_EQ(harness_.RemovePort("c"), "there is no port \"c\"");
  EXPECT_THAT(Names(), ElementsAre("a", "b"));
  EXPECT_THAT(diary_.Take(), IsEmpty());
}

TEST_F(SwitchTest, ANumberIsFreeWhenNoWorkerCanFindItAnyMore) {
  Start();
  // A worker that is always as far behind as it may be: quiescent as soon as something is deferred,
  // as long as it then still finds the tables with the port.
  Rcu& rcu = memory_->rcu();
  const WorkerId slow(kMaxWorkers - 1);
  rcu.Register(slow);
  const ArcTables* const before = &harness_->arc_tables();
  rcu.OnDefer([&] {
    if (&harness_->arc_tables() == before) rcu.Quiescent(slow);
  });
  EXPECT_EQ(harness_.RemovePort("b"), "");
  // Whatever the real worker held up is over; what is left waits for the slow one.
  const Counter& polls = harness_->workers()[0]->counters().polls;
  const uint64_t now = polls.value();
  EXPECT_TRUE(harness_.Until([&] { return polls.value() > now + 1; }));
  rcu.Poll();
  EXPECT_EQ(Add("c"), "");
  EXPECT_EQ(NumberOf("c"), PortId(2)) << "the worker may still have frames for port 1 in its hands";
  bool quiet = false;
  rcu.Defer([&quiet] { quiet = true; });
  EXPECT_TRUE(harness_.Until([&] {
    rcu.Quiescent(slow);
    rcu.Poll();
    return quiet;
  }));
  EXPECT_EQ(Add("d"), "");
  EXPECT_EQ(NumberOf("d"), PortId(1));
  rcu.OnDefer(nullptr);
  rcu.Unregister(slow);
}

TEST_F(SwitchTest, TakesNoPortsWhileItStops) {
  Start();
  // A worker that does not let go until the loop has turned.
  Rcu& rcu = memory_->rcu();
  const WorkerId slow(kMaxWorkers - 1);
  rcu.Register(slow);
  std::string error = "not asked";
  harness_.loop().Post([&] {
    error = Add("late");
    rcu.Unregister(slow);
  });
  harness_->Stop();
  EXPECT_EQ(error, "weftd is about to stop");
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_EQ(diary_.backends, 0);
}

TEST_F(SwitchTest, IsGoneWhenItIsGone) {
  Start();
  diary_.defers_at_the_end = true;
  harness_.Destroy();
  EXPECT_TRUE(diary_.deferred_ran);
  // No timer of it is left that would look at what is gone.
  for (int i = 0; i < 5; ++i) harness_.loop().RunOnce(std::chrono::milliseconds(5));
}

}  // namespace
}  // namespace weft
