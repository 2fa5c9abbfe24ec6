// SPDX-License-Identifier: Apache-2.0
// The only header that a plugin includes. A plugin is a Module, or simply one node, that arrives
// in a .so; its file ends in
//
//   WEFT_PLUGIN(MacGuard);
//
// docs/dev/add-a-node.md builds one step by step, docs/dev/sdk.md says what there is and what is
// promised. All of it runs on the control thread, but for the nodes' own methods, which run on
// workers.
#pragma once

#include <concepts>
#include <memory>
#include <string_view>

#include "core/base/event_loop.h"
#include "core/base/ids.h"
#include "core/base/labels.h"
#include "core/base/mac_address.h"
#include "core/base/rcu.h"
#include "core/base/spin_lock.h"
#include "core/base/text.h"
#include "core/base/tsc.h"
#include "core/config/schema.h"
#include "core/events/event.h"
#include "core/graph/frame.h"
#include "core/graph/node.h"
#include "core/graph/port_splitter.h"
#include "core/module.h"
#include "core/packet/capture_file.h"
#include "core/packet/copy_start.h"
#include "core/packet/ethernet.h"
#include "core/packet/offload_request.h"
#include "core/packet/packet.h"
#include "core/packet/software_offload.h"
#include "core/port/arcs.h"
#include "core/port/bridges.h"
#include "core/port/port_table.h"
#include "core/sdk/saved_state.h"
#include "core/sdk/stamp.h"
#include "core/trace/pcapng.h"

// The plugin's own version; the build system says it (weft_add_plugin(... VERSION 1.2)).
#if !defined(WEFT_PLUGIN_VERSION)
#define WEFT_PLUGIN_VERSION "unversioned"
#endif

namespace weft {

// The module around a plugin that is one node without state to share between workers. Its node is
// made without arguments, one for each worker; or, if it has a NodeConfig, with what [node.NAME]
// says, which a reload changes.
template <typename N>
class NodeModule final : public Module {
 public:
  static constexpr bool kHasConfig = requires { N::NodeConfig::kFields; };  // of its own section

  // The node's name is the module's.
  std::string_view name() const override { return N::kSpec.name; }
  // Adds the one class of nodes. Their factory runs on the control thread, once for each worker.
  void Register(Registry& registry) override {
    rcu_ = &registry.services().rcu;
    if constexpr (kHasConfig) {
      registry.AddNode<N>([this](WorkerId) { return std::make_unique<N>(config_); });
    } else {
      registry.AddNode<N>([](WorkerId) { return std::make_unique<N>(); });
    }
  }
  // Publishes the section for the nodes, at the start and after a reload; never fails, for whoever
  // read the section has checked it. Without [node.NAME] the defaults stand.
  absl::Status Configured(const Config& config) override {
    if constexpr (kHasConfig) {
      using NodeConfig = typename N::NodeConfig;
      const auto section = config.nodes.find(std::string(N::kSpec.name));
      if (section != config.nodes.end())
        config_.Store(
            *rcu_, std::make_unique<const NodeConfig>(section->second.template As<NodeConfig>()));
    }
    return absl::OkStatus();
  }

 private:
  struct Nothing {};
  // T::NodeConfig, or Nothing if T has none.
  template <typename T>
  struct ConfigOf {
    using Type = Nothing;
  };
  template <typename T>
  requires requires { T::NodeConfig::kFields; }
  struct ConfigOf<T> {
    using Type = typename T::NodeConfig;
  };

  Rcu* rcu_ = nullptr;  // weftd's; there from Register on
  // What nodes hold a reference to; it outlives them, for the module goes after its nodes.
  Published<typename ConfigOf<N>::Type> config_{
      std::make_unique<const typename ConfigOf<N>::Type>()};
};

namespace internal {

// What a loader calls: a new module, which is the caller's.
template <typename T>
Module* MakePluginModule() {
  if constexpr (std::derived_from<T, Module>) {
    return new T;
  } else {
    return new NodeModule<T>;
  }
}

// At compile time, so that it can be read from the file before anything of it runs. A name or
// version that is too long for its place does not compile.
template <typename T>
consteval PluginDescriptor DescribePlugin(std::string_view version) {
  static_assert(std::derived_from<T, Module> || std::derived_from<T, NodeBase>,
                "WEFT_PLUGIN takes a Module or a node");
  PluginDescriptor plugin{};
  Write(plugin.magic, {kPluginMagic});
  plugin.stamp = kStamp;
  if constexpr (std::derived_from<T, Module>) {
    Write(plugin.name, {T::kName});
  } else {
    Write(plugin.name, {T::kSpec.name});
  }
  Write(plugin.version, {version});
  plugin.make = &MakePluginModule<T>;
  return plugin;
}

}  // namespace internal
}  // namespace weft

// Makes T the plugin of this shared object; once, anywhere in one of its files. T is a node class,
// whose name is the plugin's, or a Module with `static constexpr std::string_view kName`.
#define WEFT_PLUGIN(T)                                                                          \
  extern "C" __attribute__((visibility("default"))) const weft::PluginDescriptor weft_plugin;   \
  __attribute__((used,                                                                          \
                 section(".weft_plugin"))) constinit const weft::PluginDescriptor weft_plugin = \
      weft::internal::DescribePlugin<T>(WEFT_PLUGIN_VERSION)
