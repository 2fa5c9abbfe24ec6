// SPDX-License-Identifier: Apache-2.0
// What Prometheus fetches: everything that the switch counts, in Prometheus's text format, under
// names by its conventions. The texts that explain a node, a reason or a counter are those of its
// declaration. Made when somebody asks, from the same numbers as the shell's; workers notice
// nothing. Control thread.
#pragma once

#include <memory>
#include <string>

#include "core/base/clock.h"
#include "core/base/wall_time.h"
#include "core/metrics/http_request.h"

namespace weft {

class Switch;

class MetricsPage {
 public:
  // Asked again within this time it says the same: who asks all the time costs the loop little.
  static constexpr Time kFresh = std::chrono::milliseconds(250);

  // All three outlive the page, and the switch has started when it is asked for the first time.
  MetricsPage(const Switch& the_switch, const Clock& clock, WallTime start)
      : switch_(the_switch), clock_(clock), start_(start) {}

  HttpAnswer Answer(const HttpRequest& request);

 private:
  const Switch& switch_;
  const Clock& clock_;
  const WallTime start_;  // of weftd
  Time made_{};
  std::shared_ptr<const std::string> text_;
};

}  // namespace weft
