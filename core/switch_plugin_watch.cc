// SPDX-License-Identifier: Apache-2.0
// Looks after plugins whose nodes do wrong: what guards found is told, and a node that does not
// return ends weftd.
#include <algorithm>
#include <cstdio>
#include <utility>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/config/unknown_tables.h"
#include "core/plugin/plugin_parts.h"
#include "core/switch.h"
#include "core/worker/last_words.h"

namespace weft {
namespace {

constexpr auto kOnFaults = LabelsOf(OnFault::kBypass);

}  // namespace

void Switch::LookForFaults() {
  for (const auto& plugin : plugins_) {
    for (const auto& guard : plugin->parts().guards) {
      const Fault fault = guard->fault.load(std::memory_order_relaxed);
      if (fault == Fault::kNone || std::exchange(guard->told, true)) continue;
      const std::string says = Cat(guard->plugin, ": node ", guard->node, " ", kFaults.help(fault),
                                   "; on-fault = \"", kOnFaults.name(guard->on_fault), "\"");
      LogError(Cat("plugin ", says));
      events_.Add(EventKind::kPluginFault, "", says);
      if (guard->on_fault != OnFault::kStop || !ended_by_.empty()) continue;
      std::fprintf(stderr, "weftd: plugin %s ends it: its node %s %s\n", guard->plugin.c_str(),
                   guard->node.c_str(), kFaults.help(fault).data());
      SayLastWords(guard->plugin.c_str());
      ended_by_ = guard->plugin;
      loop_.Stop();
    }
  }
}

void Switch::LeaveOut(std::string_view name) {
  const Plugin* const plugin = FindPlugin(name);
  if (plugin == nullptr) return;
  for (const auto& guard : plugin->parts().guards) guard->left_out = true;
  const std::string says = Cat(name, ": left out, for it has ended weftd");
  LogError(Cat("plugin ", says));
  events_.Add(EventKind::kPluginFault, "", says);
}

void Switch::LeaveUnloaded(std::vector<std::string> names) {
  left_unloaded_ = std::move(names);
  for (const std::string& name : left_unloaded_) {
    const std::string says = Cat(name, ": not loaded, for it has ended weftd");
    LogError(Cat("plugin ", says));
    events_.Add(EventKind::kPluginFault, "", says);
  }
}

Document Switch::WithoutUnloaded(const std::string& file, const Document& document,
                                 const PluginsConfig& plugins, const Schemas& schemas) const {
  bool any = false, strict = false;
  for (const std::string& name : left_unloaded_) {
    if (std::find(plugins.load.begin(), plugins.load.end(), name) == plugins.load.end()) continue;
    any = true;
    strict = strict || plugins.OnFaultOf(name) != OnFault::kBypass;
  }
  if (!any) return document;
  const KnownPart part = WithoutUnknownTables(file, document, schemas, strict);
  for (const std::string& line : part.lines) LogWarning(line);
  return part.document;
}

// A worker that has not begun another round and is in a plugin's node. Its guard is there as long
// as the worker is in it: what workers may use goes by this thread alone, when they are quiescent.
// What counts is time on a core, and time in which it waits for something in there; not that in
// which it waits for a core, or in which weftd itself, or the machine, stood still.
void Switch::LookForHangs(Time now) {
  if (config_.plugins.hang == std::chrono::seconds::zero()) return;
  const Time passed = std::min<Time>(now - std::exchange(last_look_, now), kErrorPoll);
  rounds_.resize(workers_.size());
  for (size_t i = 0; i < workers_.size(); ++i) {
    const uint64_t polls = workers_[i]->counters().polls.value();
    const Guard* const guard = workers_[i]->graph().at_work();
    Round& round = rounds_[i];
    const Worker::Thread thread = guard == nullptr ? Worker::Thread{} : workers_[i]->LookAtThread();
    if (guard == nullptr || guard != round.guard || polls != round.polls) {
      round = {.guard = guard, .polls = polls, .on_core = thread.on_core, .kept = Time::zero()};
      continue;
    }
    const Time worked = thread.on_core - std::exchange(round.on_core, thread.on_core);
    round.kept += thread.runnable ? std::min(worked, passed) : passed;
    if (round.kept >= config_.plugins.hang) {
      std::fprintf(stderr,
                   "weftd: plugin %s ends it: its node %s has kept worker %zu for %lld s and does "
                   "not return\n",
                   guard->state().plugin.c_str(), guard->state().node.c_str(), i,
                   static_cast<long long>(config_.plugins.hang.count()));
      SayLastWords(guard->state().plugin.c_str());
      workers_[i]->Abort();
    }
  }
}

}  // namespace weft
