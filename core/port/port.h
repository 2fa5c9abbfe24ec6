// SPDX-License-Identifier: Apache-2.0
// A port: one attachment of the switch, container or NIC. What every kind of port has, and what a
// kind's own object must be able to do. Control thread; workers know ports by PortId only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "core/base/ids.h"
#include "core/base/labels.h"

namespace weft {

enum class PortState : uint8_t { kDown, kUp, kError };
inline constexpr auto kPortStates = Labels<PortState>({
    {PortState::kDown, "down", "nobody is attached, or it is not ready yet"},
    {PortState::kUp, "up", "frames flow"},
    {PortState::kError, "error", "something is wrong; the reason says what"},
});

struct PortStatus {
  PortState state = PortState::kDown;
  std::string reason;  // why it is not up; one phrase, empty if there is nothing to say
};

// One line of `show port NAME`.
struct PortFact {
  std::string name;  // kebab-case
  std::variant<bool, uint64_t, std::string> value;
};

// Something that keeps a port from working well, or may: a sentence, and what to do about it.
struct Finding {
  std::string says;    // "its driver has not enabled the receive ring"
  std::string advice;  // may be empty
};

// What a kind keeps for one port. Destroying it takes the port off the workers: it unpublishes at
// once and frees what workers may still use after quiescence (Rcu::Defer).
class PortBackend {
 public:
  virtual ~PortBackend() = default;
  // Begins; called once, when the port is known everywhere. From here on the kind may report on_up.
  // An error says what and why; which port it was says the switch.
  virtual absl::Status Open() = 0;
  virtual PortStatus Status() const = 0;
  virtual std::vector<PortFact> Facts() const = 0;
  // What `why` is to say beside what Status and the counters do.
  virtual std::vector<Finding> Findings() const { return {}; }
  // How a container or a machine gets to this port: arguments and mounts, to be copied.
  virtual std::vector<PortFact> Attachment() const { return {}; }
};

}  // namespace weft
