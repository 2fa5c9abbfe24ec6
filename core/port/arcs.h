// SPDX-License-Identifier: Apache-2.0
// The arcs of the graph by name, for whoever puts packets into the middle of it. An arc is named by
// the node that it leads to, or is one of the two feature arcs; `show graph` has all of them.
// ModuleServices has it. Control thread.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/graph/arc_target.h"
#include "core/graph/node_class.h"
#include "core/port/port_table.h"

namespace weft {

class Arcs {
 public:
  Arcs(const NodeCatalog& catalog, const PortTable& ports) : catalog_(catalog), ports_(ports) {}

  // What a packet needs that goes there: only its in-port, as behind an input; an out-port too; or
  // any of what l2-switch may have decided, for the node is on neither feature arc.
  enum class Needs : uint8_t { kInPort, kOutPort, kDecision };
  struct Found {
    ArcTarget target;
    Needs needs = Needs::kInPort;
  };
  // Where packets of this port go by an arc. NotFound: there is none of that name, and which there
  // are. FailedPrecondition: the port has no such feature, or another output.
  absl::StatusOr<Found> Find(std::string_view name, PortId port) const;
  // Of all that there are now.
  std::vector<std::string_view> Names() const;

 private:
  const NodeCatalog& catalog_;
  const PortTable& ports_;
};

}  // namespace weft
