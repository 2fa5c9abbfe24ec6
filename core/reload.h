// SPDX-License-Identifier: Apache-2.0
// startup.conf read again while the switch runs: what would change, or the change itself, all or
// nothing. Ports that stay as they are notice nothing. Control thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/config/config_text.h"
#include "core/config/diff.h"
#include "core/config/metrics_config.h"
#include "core/switch.h"

namespace weft {

class Reload {
 public:
  // `file` is read again each time; `metrics` is what it said at the start.
  Reload(Switch& the_switch, std::string file, MetricsConfig metrics = {})
      : switch_(the_switch), file_(std::move(file)), metrics_(std::move(metrics)) {}

  // What Apply would do. An error has a line for each mistake of the file, with line and column.
  absl::StatusOr<std::vector<ConfigAction>> Diff() const;
  // What runs now, as the file that says it.
  std::string Running(ShowDefaults defaults) const {
    return ConfigText(switch_.Running(), metrics_, defaults);
  }
  // Does it, and says so in the log. After an error everything is as it was.
  absl::StatusOr<std::vector<ConfigAction>> Apply();

 private:
  struct Plan {
    Config running;
    Config wanted;
    std::vector<ConfigAction> actions;
  };
  absl::StatusOr<Plan> Read() const;
  absl::Status Change(Plan& plan);

  Switch& switch_;
  const std::string file_;
  const MetricsConfig metrics_;
};

}  // namespace weft
