// SPDX-License-Identifier: Apache-2.0
#include "core/port/port_table.h"

#include <algorithm>

#include "core/base/text.h"

namespace weft {

std::string WorkersOf(const Port& port) {
  std::vector<uint64_t> numbers;
  for (const WorkerId worker : port.workers) numbers.push_back(worker.value());
  return Join(numbers, ", ");
}

absl::StatusOr<Port*> PortTable::Add(std::string name) {
  if (Find(name) != nullptr)
    return absl::AlreadyExistsError(Cat("there is a port \"", name, "\" already"));
  std::vector<bool>& used = numbers_->used;
  const auto free = std::find(used.begin(), used.end(), false);
  const auto number = static_cast<size_t>(free - used.begin());
  if (number == kMaxPorts) {
    return absl::ResourceExhaustedError(
        Cat("no room for port \"", name, "\": there are ", kMaxPorts, " already"));
  }
  if (free == used.end()) {
    used.push_back(true);
  } else {
    *free = true;
  }
  auto port = std::make_unique<Port>();
  port->id = PortId(static_cast<uint16_t>(number));
  port->name = std::move(name);
  port->wiring.port = port->id;
  port->wiring.life = ++lives_;
  ports_.push_back(std::move(port));
  return ports_.back().get();
}

void PortTable::Remove(PortId id) {
  const auto found =
      std::find_if(ports_.begin(), ports_.end(), [&](const auto& port) { return port->id == id; });
  if (found == ports_.end()) return;
  // Its backend may still ask who is there, and must find a table that is whole.
  const std::unique_ptr<Port> gone = std::move(*found);
  ports_.erase(found);
}

void PortTable::Release(PortId id) {
  rcu_.Defer([numbers = numbers_, id] { numbers->used[id.value()] = false; });
}

Port* PortTable::Find(std::string_view name) {
  const auto found = std::find_if(ports_.begin(), ports_.end(),
                                  [&](const auto& port) { return port->name == name; });
  return found == ports_.end() ? nullptr : found->get();
}

Port* PortTable::Find(PortId id) {
  const auto found =
      std::find_if(ports_.begin(), ports_.end(), [&](const auto& port) { return port->id == id; });
  return found == ports_.end() ? nullptr : found->get();
}

std::string PortTable::NameOf(PortId id) const {
  const auto found =
      std::find_if(ports_.begin(), ports_.end(), [&](const auto& port) { return port->id == id; });
  return found == ports_.end() ? Cat("port ", id.value()) : (*found)->name;
}

std::vector<PortWiring> PortTable::Wirings() const {
  std::vector<PortWiring> wirings;
  for (const auto& port : ports_) wirings.push_back(port->wiring);
  return wirings;
}

}  // namespace weft
