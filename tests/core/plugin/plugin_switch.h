// SPDX-License-Identifier: Apache-2.0
// A switch with two ports in memory, a stream of packets from one of them, and the commands of the
// shell: what tests of plugins begin with.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/arcs_module.h"
#include "core/commands.h"
#include "core/shell/command_table.h"
#include "tests/core/plugin/plugin_files.h"
#include "tests/support/graph_harness.h"
#include "tests/support/switch_harness.h"

namespace weft::testing {

// What comes in and what leaves, counted by the worker and read by the test.
struct Flow {
  std::atomic<bool> flows{false};
  std::atomic<uint8_t> second{0};  // of each packet's octets, the first being 2
  Counter in, out;
};

// Packets of the first port, eight at a time, as long as they are to flow; the first octet of one
// in eight is an "x".
class Source final : public Input<Source> {
 public:
  static constexpr NodeSpec kSpec{.name = "source", .help = "Makes packets."};
  explicit Source(Flow& flow) : flow_(flow) {}
  void Poll(Frame& frame) {
    if (!flow_.flows.load(std::memory_order_acquire)) return;
    for (int i = 0; i < 8; ++i) {
      Packet* const packet = graph_->pool().Take();
      std::array<uint8_t, 60> bytes{};
      bytes[0] = i == 0 ? 'x' : 0x02;
      bytes[1] = flow_.second.load(std::memory_order_relaxed);
      uint8_t* const header = packet->snapshot() + Packet::kVirtioNetHeader;
      std::copy(bytes.begin(), bytes.end(), header);
      packet->Reset(PortId(0), header, bytes.size());
      frame.Push(packet);
    }
    flow_.in.Add(8);
  }

 private:
  Flow& flow_;
};

class Sink final : public Output<Sink> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "sink", .arc = "port-output", .last = true, .help = "Takes packets."};
  explicit Sink(Flow& flow) : flow_(flow) {}
  void Process(Frame& frame) { flow_.out.Add(frame.size()); }

 private:
  Flow& flow_;
};

class Backend final : public PortBackend {
 public:
  absl::Status Open() override { return absl::OkStatus(); }
  PortStatus Status() const override { return {}; }
  std::vector<PortFact> Facts() const override { return {}; }
};

class FlowModule final : public Module {
 public:
  explicit FlowModule(Flow& flow) : flow_(flow) {}
  std::string_view name() const override { return "flow"; }
  void Register(Registry& registry) override {
    registry.AddNode<Source>([this](WorkerId) { return std::make_unique<Source>(flow_); });
    registry.AddNode<Sink>([this](WorkerId) { return std::make_unique<Sink>(flow_); });
    registry.AddNode<PairSwitch>([](WorkerId) { return std::make_unique<PairSwitch>(); });
    registry.AddPortKind({.name = "memory",
                          .help = "a port of a test",
                          .schema = &SchemaOf<NoKeys>(),
                          .output = "sink",
                          .make = [](const PortRequest&) { return std::make_unique<Backend>(); }});
  }

 private:
  struct NoKeys {
    static constexpr auto kFields = Fields();
  };
  Flow& flow_;
};

inline size_t Copies(const std::string& file) {
  std::ifstream maps("/proc/self/maps");
  size_t copies = 0;
  for (std::string line; std::getline(maps, line);) {
    if (line.find("/memfd:" + file) != std::string::npos &&
        line.find(" r-xp ") != std::string::npos)
      ++copies;
  }
  return copies;
}

class PluginSwitch : public ::testing::Test {
 protected:
  static constexpr PortId kA{0};

  // `plugins`: keys of [plugins].
  void Begin(std::string_view plugins = "") {
    ASSERT_EQ(harness_.AddModule(std::make_unique<ArcsModule>()), "");
    ASSERT_EQ(harness_.AddModule(std::make_unique<FlowModule>(flow_)), "");
    ASSERT_EQ(harness_.Start(Cat("[plugins]\n", plugins, "\n", Section("a"), Section("b"))), "");
    ASSERT_EQ(MessageOf(AddCommands(*harness_, commands_)), "");
    flow_.flows.store(true, std::memory_order_release);
  }
  void TearDown() override { ExpectNothingLost(); }

  static std::string Section(std::string_view name, std::string_view features = "") {
    return Cat("[[port]]\nname = \"", name, "\"\nmemory = {}\n", features, "\n");
  }
  // One line of the shell; an error as a sentence behind "error: ".
  std::string Run(const std::string& line) {
    const absl::StatusOr<Reply> reply = commands_.Run(line);
    if (!reply.ok()) return "error: " + MessageOf(reply.status());
    const auto* text = std::get_if<std::string>(&*reply);
    return text == nullptr ? "" : *text;
  }
  std::vector<std::string> States() {
    const absl::StatusOr<Reply> reply = commands_.Run("show plugins");
    std::vector<std::string> states;
    for (const auto& row : std::get<Table>(*reply).rows)
      states.push_back(Cat(std::get<std::string>(row[0]), " ", std::get<std::string>(row[1]), " ",
                           std::get<std::string>(row[2])));
    return states;
  }
  // What a file would say of port a now.
  std::string SetFeatures(std::string_view features) {
    return harness_.SetFeatures(Section("a", features));
  }
  // Nothing of a plugin that went is left.
  void ExpectGone() {
    EXPECT_TRUE(harness_.Until([&] { return harness_->leaving().empty(); }));
  }
  uint64_t Dropped(std::string_view reason) {
    const std::array<PortId, 1> ports = {kA};
    uint64_t packets = 0;
    for (const DropCount& drop : harness_->stats().Drops(ports)) {
      if (drop.reason->name == reason) packets += drop.packets;
    }
    return packets;
  }
  bool Flows() {
    const uint64_t in = flow_.in.value();
    return harness_.Until([&] { return flow_.in.value() > in; });
  }
  void ExpectNothingLost() {
    flow_.flows.store(false, std::memory_order_release);
    const Counter& polls = harness_->workers()[0]->counters().polls;
    const uint64_t now = polls.value();
    ASSERT_TRUE(harness_.Until([&] { return polls.value() > now + 2; }));
    EXPECT_GT(flow_.in.value(), 0U);
    EXPECT_EQ(flow_.in.value(), flow_.out.value() + harness_->stats().Port(kA).drops +
                                    harness_->stats().Port(PortId()).drops);
    flow_.flows.store(true, std::memory_order_release);
  }

  Flow flow_;
  SwitchHarness harness_;
  CommandTable commands_;
};

}  // namespace weft::testing
