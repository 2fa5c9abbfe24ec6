// SPDX-License-Identifier: Apache-2.0
// A whole switch with two workers, a plugin that the test has in it, and containers on its ports.
// Frames have numbers, so that their order can be told, and are counted until each is accounted
// for.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/commands.h"
#include "core/shell/command_table.h"
#include "nodes/builtin.h"
#include "tests/support/container.h"
#include "tests/support/frames.h"
#include "tests/support/switch_harness.h"

namespace weft::testing {

class TwoWorkers : public ::testing::Test {
 protected:
  // Ports are placed on the workers in turn.
  void Start(Module* plugin, std::string_view text) {
    ASSERT_EQ(harness_.AddModules(BuiltinModules()), "");
    ASSERT_EQ(harness_.AddModule(std::unique_ptr<Module>(plugin)), "");
    ASSERT_EQ(harness_.Start(text, 2), "");
    ASSERT_EQ(MessageOf(AddCommands(*harness_, commands_)), "");
    uint16_t number = 0;
    for (const auto& port : harness_->ports().ports())
      ASSERT_EQ(port->workers, std::vector<WorkerId>{WorkerId(number++ % 2)}) << port->name;
  }
  // A container on the port, from now on.
  void Attach(std::string_view port) {
    auto& container = containers_[std::string(port)];
    container = std::make_unique<vhost::testing::Container>([this] { harness_.Turn(); });
    container->Attach(Cat(harness_.directory(), "/ports/", port, "/vhost.sock"));
    ASSERT_TRUE(harness_.Until([&] { return Find(port).up; }));
  }
  std::string Run(std::string_view line) {
    const absl::StatusOr<Reply> reply = commands_.Run(line);
    return reply.ok() ? RenderText(*reply, 0) : MessageOf(reply.status());
  }

  // Frame number `number` of this sender.
  static Bytes Numbered(uint32_t to, uint32_t from, uint32_t number) {
    Bytes frame = FrameTo(MacNumber(to)).From(MacNumber(from)).Type(0x88b5).Build();
    for (size_t i = 0; i < 4; ++i) frame[14 + i] = static_cast<uint8_t>(number >> (24 - 8 * i));
    return frame;
  }
  // Sends so many frames from one container to the other and back at once, as fast as their rings
  // have room; whatever arrives is seen by Look.
  void SendBothWays(std::string_view one, std::string_view two, uint32_t each) {
    struct Sender {
      vhost::testing::Container& container;
      uint32_t to, from, sent = 0;
    };
    std::array<Sender, 2> senders{Sender{*containers_.at(std::string(one)), 2, 1},
                                  Sender{*containers_.at(std::string(two)), 1, 2}};
    ASSERT_TRUE(harness_.Until([&] {
      bool all = true;
      for (Sender& sender : senders) {
        const auto under_way = [&] {
          return static_cast<uint16_t>(sender.sent - sender.container.returned());
        };
        while (sender.sent < each && under_way() < vhost::testing::Container::kBuffers)
          sender.container.Send(Numbered(sender.to, sender.from, sender.sent++));
        all &= sender.sent == each && under_way() == 0;
      }
      Look();
      return all;
    }));
  }
  // Takes what containers have got.
  void Look() {
    for (auto& [port, container] : containers_) {
      for (Bytes& frame : container->Receive()) received_[port].push_back(std::move(frame));
    }
  }
  // What a container got, and what was dropped on account of its port.
  size_t Received(std::string_view port) { return received_[std::string(port)].size(); }
  uint64_t Dropped(std::string_view port) { return harness_->stats().Port(Find(port).id).drops; }
  // Of the frames, those of each source come in the order of their numbers. How many each has.
  static std::map<MacAddress, size_t> CountInOrder(const std::vector<Bytes>& frames, size_t at) {
    std::map<MacAddress, size_t> counts;
    std::map<MacAddress, uint32_t> last;
    for (const Bytes& frame : frames) {
      const MacAddress source = reinterpret_cast<const EthernetHeader*>(frame.data())->source;
      uint32_t number = 0;
      for (size_t i = 0; i < 4; ++i) number = number << 8 | frame[at + i];
      if (counts[source]++ != 0) {
        EXPECT_LT(last[source], number);
      }
      last[source] = number;
    }
    return counts;
  }
  const std::vector<Bytes>& FramesOf(std::string_view port) { return received_[std::string(port)]; }

  SwitchHarness harness_;
  CommandTable commands_;

 private:
  const Port& Find(std::string_view name) {
    for (const auto& port : harness_->ports().ports()) {
      if (port->name == name) return *port;
    }
    throw std::invalid_argument(std::string(name));
  }

  std::map<std::string, std::unique_ptr<vhost::testing::Container>> containers_;
  std::map<std::string, std::vector<Bytes>> received_;
};

}  // namespace weft::testing
