// SPDX-License-Identifier: Apache-2.0
#include "core/config/unknown_tables.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "core/base/text.h"
#include "core/config/errors.h"

namespace weft {
namespace {

template <typename T>
bool HasNamed(const std::vector<T>& items, std::string_view name) {
  return std::any_of(items.begin(), items.end(), [&](const T& item) { return item.name == name; });
}

class Known {
 public:
  Known(const std::string& file, const Schemas& schemas, bool strict)
      : schemas_(schemas), strict_(strict), said_(file) {}

  Value::Table Root(const Value::Table& root) {
    Value::Table known;
    for (const Value::Member& member : root) {
      if (member.key == "port" && member.value.array() != nullptr) {
        known.push_back(Changed(member, Ports(*member.value.array())));
      } else if (member.key == "node" && member.value.table() != nullptr) {
        known.push_back(Changed(member, Nodes(*member.value.table())));
      } else {
        known.push_back(member);
      }
    }
    for (Value::Member& member : known) {
      if (member.key == "bridge" && member.value.array() != nullptr)
        member = Changed(member, Bridges(*member.value.array()));
    }
    return known;
  }
  std::vector<std::string> lines() const { return said_.Lines(); }

 private:
  template <typename T>
  static Value::Member Changed(const Value::Member& member, T data) {
    return {member.key, member.where, Value(std::move(data), member.value.where())};
  }
  static const std::string* TextOf(const Value& table, std::string_view key) {
    const Value::Member* const member = table.Find(key);
    return member == nullptr ? nullptr : member->value.text();
  }

  Value::Array Ports(const Value::Array& ports) {
    Value::Array known;
    for (const Value& port : ports) {
      if (port.table() == nullptr) {
        known.push_back(port);
        continue;
      }
      Value::Table keys;
      bool has_kind = false, has_unknown = false;
      for (const Value::Member& key : *port.table()) {
        const bool is_kind = HasNamed(schemas_.kinds, key.key);
        const bool unknown =
            key.value.table() != nullptr && !is_kind && !HasNamed(schemas_.features, key.key);
        has_kind = has_kind || is_kind;
        has_unknown = has_unknown || unknown;
        if (!unknown) keys.push_back(key);
      }
      const bool goes = has_unknown && (strict_ || !has_kind);
      if (has_unknown) Tell(port, goes);
      if (!goes) known.emplace_back(std::move(keys), port.where());
    }
    return known;
  }
  // Each unknown table with what becomes of its port.
  void Tell(const Value& port, bool goes) {
    const std::string* const name = TextOf(port, "name");
    if (goes && name != nullptr) gone_.insert(*name);
    for (const Value::Member& key : *port.table()) {
      if (key.value.table() == nullptr || HasNamed(schemas_.kinds, key.key) ||
          HasNamed(schemas_.features, key.key)) {
        continue;
      }
      said_.Add(key.where, Cat("port ", Quoted(name == nullptr ? "" : *name), ": ", key.key,
                               " is left out", goes ? ", and the port with it" : ""));
    }
  }
  Value::Table Nodes(const Value::Table& nodes) {
    Value::Table known;
    for (const Value::Member& node : nodes) {
      if (node.value.table() == nullptr || HasNamed(schemas_.nodes, node.key)) {
        known.push_back(node);
      } else {
        said_.Add(node.where, Cat("[node.", node.key, "] is left out"));
      }
    }
    return known;
  }
  Value::Array Bridges(const Value::Array& bridges) {
    Value::Array known;
    for (const Value& bridge : bridges) {
      if (bridge.table() == nullptr) {
        known.push_back(bridge);
        continue;
      }
      Value::Table keys;
      for (const Value::Member& key : *bridge.table()) {
        if (key.key == "static" && key.value.array() != nullptr) {
          keys.push_back(Changed(key, Entries(*key.value.array())));
        } else {
          keys.push_back(key);
        }
      }
      known.emplace_back(std::move(keys), bridge.where());
    }
    return known;
  }
  Value::Array Entries(const Value::Array& entries) {
    Value::Array known;
    for (const Value& entry : entries) {
      const std::string* const port = TextOf(entry, "port");
      if (port == nullptr || !gone_.contains(*port)) known.push_back(entry);
    }
    return known;
  }

  const Schemas& schemas_;
  const bool strict_;
  Errors said_;
  std::set<std::string> gone_;  // ports
};

}  // namespace

KnownPart WithoutUnknownTables(const std::string& file, const Document& document,
                               const Schemas& schemas, bool strict) {
  Known known(file, schemas, strict);
  Value root(known.Root(*document.root().table()), document.root().where());
  return {Document(std::move(root)), known.lines()};
}

}  // namespace weft
