// SPDX-License-Identifier: Apache-2.0
#include "core/commands_names.h"

#include "core/base/text.h"
#include "core/commands.h"

namespace weft {

absl::StatusOr<const NodeClass*> NodeNamed(const Switch& s, std::string_view name) {
  const NodeClass* const node = s.catalog().Find(name);
  if (node != nullptr) return node;
  std::vector<std::string_view> names;
  for (const NodeClass& known : s.catalog().nodes()) names.push_back(known.spec.name);
  return absl::NotFoundError(Cat("there is no node \"", name, "\" (there are: ", Join(names), ")"));
}

absl::StatusOr<const Port*> PortNamed(const Switch& s, std::string_view name) {
  for (const auto& port : s.ports().ports()) {
    if (port->name == name) return port.get();
  }
  return NoSuchPort(s, name);
}

const Port* FindPort(const Switch& s, PortId id) {
  for (const auto& port : s.ports().ports()) {
    if (port->id == id) return port.get();
  }
  return nullptr;
}

std::string PortName(const Switch& s, PortId port) {
  return port.valid() ? s.ports().NameOf(port) : "-";
}

}  // namespace weft
