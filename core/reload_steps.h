// SPDX-License-Identifier: Apache-2.0
// Turns one running configuration into another, all or nothing. What is new comes before what goes,
// so that most failures cost nobody anything; what needs something of a port that goes is tried
// again after it. Control thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/config/diff.h"
#include "core/switch.h"

namespace weft {

class ReloadSteps {
 public:
  // The actions lead from `running` to `wanted`; `plugins` are those that they load, and are taken.
  // All of them outlive this.
  ReloadSteps(Switch& the_switch, const Config& running, const Config& wanted,
              const std::vector<ConfigAction>& actions,
              std::vector<std::unique_ptr<Plugin>>& plugins)
      : switch_(the_switch),
        running_(running),
        wanted_(wanted),
        actions_(actions),
        plugins_(plugins) {}

  // Once. An error says what could not be done, and what could not be undone after it; all else is
  // as it was.
  absl::Status Run();
  // Where in the file the step is that failed.
  SourceLocation failed_at() const { return failed_at_; }

 private:
  struct Step {
    SourceLocation where;
    std::function<absl::Status()> run;
    std::function<absl::Status()> undo;
  };

  absl::Status Forward();
  absl::Status Do(const Step& step);
  // Now, or after what goes has gone.
  void Try(Step step);
  absl::Status LoadPlugins();
  void UnloadPlugins();
  void AddNew();
  bool Frees() const;
  absl::Status LeaveFirst();
  void Change();
  absl::Status DeletePorts();
  void DeleteBridges();
  std::string RollBack();

  Switch& switch_;
  const Config& running_;
  const Config& wanted_;
  const std::vector<ConfigAction>& actions_;
  std::vector<std::unique_ptr<Plugin>>& plugins_;
  std::vector<Step> late_;
  std::vector<std::function<absl::Status()>> undo_;  // the last first
  SourceLocation failed_at_;
};

}  // namespace weft
