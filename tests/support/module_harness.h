// SPDX-License-Identifier: Apache-2.0
// A module in a GraphHarness, with ports and features as the text of a startup.conf says. Its nodes
// find an "l2-switch" that joins ports 0 and 1, 2 and 3, ...; ports are of the kind "memory".
//
//   ModuleHarness harness;
//   module->Register(harness.registry());
//   ASSERT_THAT(harness.Configure(R"([[port]]
//                                    name = "web-1"
//                                    memory = {}
//                                    mac-guard = { allow = "02:00:00:00:00:11" })"), IsEmpty());
//   harness.graph().Inject(PortId(0), frame);
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/event_loop.h"
#include "core/base/rcu.h"
#include "core/config/reader.h"
#include "core/events/event_log.h"
#include "core/module.h"
#include "core/port/port_table.h"
#include "tests/support/graph_harness.h"

namespace weft::testing {

class ModuleHarness {
 public:
  ModuleHarness() : ports_(graph_.rcu()) {
    schemas_.kinds.push_back({"memory", "A port of a test.", &SchemaOf<MemoryPortConfig>()});
    NodeClass stand_in =
        NodeClassOf<PairSwitch>([](WorkerId) { return std::make_unique<PairSwitch>(); });
    stand_in.spec.name = "l2-switch";
    graph_.AddClass(std::move(stand_in));
  }

  Registry& registry() { return registry_; }
  GraphHarness& graph() { return graph_; }

  // Reads the text and wires its ports: the first is PortId(0). Returns what is wrong with it.
  // Once.
  std::vector<std::string> Configure(std::string_view text) {
    Errors errors("startup.conf");
    const std::optional<Document> document = Document::Parse(text, &errors);
    if (document) config_ = ReadAll(*document, schemas_, &errors);
    if (!errors.empty()) return errors.Lines();
    graph_.AddStandIns();
    std::vector<PortWiring> wirings;
    for (const weft::PortConfig& port : config_->ports) {
      PortWiring wiring{.port = PortId(static_cast<uint16_t>(wirings.size()))};
      for (const auto& [node, table] : port.features) {
        wiring.features.push_back({node, table.object});
      }
      wirings.push_back(std::move(wiring));
    }
    graph_.Wire(std::move(wirings));
    return {};
  }

 private:
  struct MemoryPortConfig {
    static constexpr auto kFields = Fields();
  };

  GraphHarness graph_;
  EventLoop loop_;
  PortTable ports_;
  Schemas schemas_;
  EventLog events_;
  Registry registry_{{loop_, graph_.rcu(), ports_, events_}, graph_.catalog(), schemas_};
  std::optional<Config> config_;
};

}  // namespace weft::testing
