// SPDX-License-Identifier: Apache-2.0
// What a switch tells of its ports in `show events`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/arcs_module.h"
#include "tests/support/graph_harness.h"
#include "tests/support/switch_harness.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using testing::MemoryInput;
using testing::MemoryOutput;
using testing::MemoryPorts;
using testing::PairSwitch;
using testing::SwitchHarness;

// What the test's port says of itself.
struct Mood {
  PortStatus status;
  std::function<void()> on_up, on_down;
};

class MoodyBackend final : public PortBackend {
 public:
  explicit MoodyBackend(const Mood& mood) : mood_(mood) {}
  absl::Status Open() override { return absl::OkStatus(); }
  PortStatus Status() const override { return mood_.status; }
  std::vector<PortFact> Facts() const override { return {}; }

 private:
  const Mood& mood_;
};

class MoodyModule final : public Module {
 public:
  explicit MoodyModule(Mood& mood) : mood_(mood) {}
  std::string_view name() const override { return "moody"; }
  void Register(Registry& registry) override {
    registry.AddNode<MemoryInput>(
        [this](WorkerId) { return std::make_unique<MemoryInput>(ports_); });
    registry.AddNode<MemoryOutput>(
        [this](WorkerId) { return std::make_unique<MemoryOutput>(ports_); });
    registry.AddNode<PairSwitch>([](WorkerId) { return std::make_unique<PairSwitch>(); });
    registry.AddPortKind({.name = "moody",
                          .help = "a port of a test",
                          .schema = &SchemaOf<NoKeys>(),
                          .output = "memory-output",
                          .make = [this](const PortRequest& request)
                              -> absl::StatusOr<std::unique_ptr<PortBackend>> {
                            mood_.on_up = request.on_up;
                            mood_.on_down = request.on_down;
                            return std::make_unique<MoodyBackend>(mood_);
                          }});
  }

 private:
  struct NoKeys {
    static constexpr auto kFields = Fields();
  };

  Mood& mood_;
  MemoryPorts ports_;
};

class SwitchEventsTest : public ::testing::Test {
 protected:
  SwitchEventsTest() {
    EXPECT_EQ(switch_.AddModule(std::make_unique<ArcsModule>()), "");
    EXPECT_EQ(switch_.AddModule(std::make_unique<MoodyModule>(mood_)), "");
    EXPECT_EQ(switch_.Start("[[port]]\nname = \"a\"\nmoody = {}\n"), "");
  }
  // What came since it was last asked: "port-up a", "port-error a: why x2".
  std::vector<std::string> Take() {
    std::vector<std::string> lines;
    for (const Event* event : switch_->events().Newest(~size_t{0}, "")) {
      std::string line = Cat(kEventKinds.name(event->kind), " ", event->port);
      if (!event->details.empty()) Append(line, ": ", event->details);
      if (event->count > 1) Append(line, " x", event->count);
      lines.push_back(std::move(line));
    }
    switch_->events().Clear();
    return lines;
  }
  void Become(PortState state, std::string reason) { mood_.status = {state, std::move(reason)}; }

  Mood mood_;
  SwitchHarness switch_;
};

TEST_F(SwitchEventsTest, APortComesAndGoes) {
  EXPECT_THAT(Take(), ElementsAre("port-added a: kind moody, bridge default"));
  Become(PortState::kUp, "");
  mood_.on_up();
  mood_.on_up();
  EXPECT_THAT(Take(), ElementsAre("port-up a"));
  EXPECT_EQ(switch_.RemovePort("a"), "");
  switch_.Turn();
  EXPECT_THAT(Take(), ElementsAre("port-deleted a"));
}

// A kind calls on_down in the middle of things: only afterwards does it know why.
TEST_F(SwitchEventsTest, WhyItIsDownIsAskedAfterwards) {
  Become(PortState::kUp, "");
  mood_.on_up();
  Take();
  mood_.on_down();
  Become(PortState::kDown, "no container is connected");
  switch_.Turn();
  EXPECT_THAT(Take(), ElementsAre("port-down a: no container is connected"));
  mood_.on_up();
  Take();
  mood_.on_down();
  Become(PortState::kError, "a bad ring");
  switch_.Turn();
  EXPECT_THAT(Take(), ElementsAre("port-error a: a bad ring"));
}

// Whoever was never up was not down either, but may have done wrong.
TEST_F(SwitchEventsTest, AnErrorBeforeItWasUp) {
  Take();
  mood_.on_down();
  Become(PortState::kDown, "");
  switch_.Turn();
  EXPECT_THAT(Take(), ElementsAre());
  for (int i = 0; i < 2; ++i) {
    mood_.on_down();
    Become(PortState::kError, "a bad message");
    switch_.Turn();
  }
  EXPECT_THAT(Take(), ElementsAre("port-error a: a bad message x2"));
}

TEST_F(SwitchEventsTest, AnErrorThatNobodyReportsIsFoundOnce) {
  Take();
  Become(PortState::kError, "the device cannot be opened");
  std::vector<std::string> lines;
  EXPECT_TRUE(switch_.Until([&] { return !(lines = Take()).empty(); }));
  EXPECT_THAT(lines, ElementsAre("port-error a: the device cannot be opened"));
  switch_->LookForErrors();
  EXPECT_THAT(Take(), ElementsAre());
  Become(PortState::kUp, "");
  switch_->LookForErrors();
  Become(PortState::kError, "the device cannot be opened");
  switch_->LookForErrors();
  EXPECT_THAT(Take(), ElementsAre("port-error a: the device cannot be opened"));
}

TEST_F(SwitchEventsTest, NothingIsToldAfterTheSwitch) {
  mood_.on_up();
  mood_.on_down();
  switch_.Destroy();
  switch_.Turn();  // what was posted finds nobody
}

}  // namespace
}  // namespace weft
