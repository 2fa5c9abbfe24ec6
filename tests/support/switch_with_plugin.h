// SPDX-License-Identifier: Apache-2.0
// A switch in memory with all that is built in and one plugin that the test has in it. Time stands
// still unless it is moved. Two of them, one after the other, are two builds of the plugin.
//
//   SwitchWithPlugin one(weft_plugin.make(), R"([[port]] ...)");
//   one->Send(one->Find("a")->id, frame);
//   one->Run();
//   EXPECT_THAT(one.Sent("b"), ElementsAre(frame));
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/replay/memory_switch.h"
#include "core/shell/reply.h"
#include "nodes/builtin.h"
#include "tests/support/frames.h"

namespace weft::testing {

class SwitchWithPlugin {
 public:
  // The plugin is the switch's from now on.
  SwitchWithPlugin(Module* plugin, std::string_view text) : plugin_(*plugin) {
    Modules modules = BuiltinModules();
    modules.emplace_back(plugin);
    auto made = MemorySwitch::Make(
        std::move(modules),
        {.name = "startup.conf", .text = std::string(text), .plugin_directory = ""});
    EXPECT_TRUE(made.ok()) << made.status();
    switch_ = *std::move(made);
  }

  Module& plugin() { return plugin_; }
  MemorySwitch* operator->() { return switch_.get(); }
  void Send(std::string_view port, const Bytes& frame) {
    switch_->Send(switch_->Find(port)->id, frame);
  }
  // What has left by a port since the last time.
  std::vector<Bytes> Sent(std::string_view port) {
    return std::exchange(switch_->memory().sent[switch_->Find(port)->id], {});
  }
  // What a command answers, or why it does not.
  std::string Ask(std::string_view command) {
    const absl::StatusOr<Reply> reply = switch_->Ask(command);
    return reply.ok() ? RenderText(*reply, 0) : MessageOf(reply.status());
  }

 private:
  Module& plugin_;
  std::unique_ptr<MemorySwitch> switch_;
};

}  // namespace weft::testing
