// SPDX-License-Identifier: Apache-2.0
// Every module that there is, built-in or plugin, as weftd registers them: for tests that must
// cover each node class, and must fail when a new one is not covered.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/event_loop.h"
#include "core/base/rcu.h"
#include "core/config/reader.h"
#include "core/events/event_log.h"
#include "core/module.h"
#include "core/plugin/plugin.h"
#include "core/port/port_table.h"

namespace weft::testing {

// The plugins of this build, loaded. Their code must outlive whatever they made.
std::vector<std::unique_ptr<Plugin>> LoadPlugins();

class EveryModule {
 public:
  // All of them register. `rcu` and `plugins` outlive it; aborts if one cannot.
  EveryModule(Rcu& rcu, const std::vector<std::unique_ptr<Plugin>>& plugins);
  // The plugins' modules end here, while there is an EventLoop to end their timers; their code
  // stays.
  ~EveryModule();
  EveryModule(const EveryModule&) = delete;
  EveryModule& operator=(const EveryModule&) = delete;

  const NodeCatalog& catalog() const { return catalog_; }
  const std::vector<PortKind>& kinds() const { return registry_.kinds(); }
  const PortKind& Kind(std::string_view name) const;
  const std::vector<Module*>& modules() const { return modules_; }
  EventLoop& loop() { return loop_; }

  // A startup.conf as the modules understand it; aborts if it is wrong.
  Config Read(std::string_view text) const;

 private:
  EventLoop loop_;
  NodeCatalog catalog_;
  Schemas schemas_;
  PortTable ports_;
  EventLog events_;
  Registry registry_;
  std::vector<std::unique_ptr<Module>> builtin_;
  const std::vector<std::unique_ptr<Plugin>>& plugins_;
  std::vector<Module*> modules_;
};

}  // namespace weft::testing
