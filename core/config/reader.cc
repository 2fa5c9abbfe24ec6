// SPDX-License-Identifier: Apache-2.0
#include "core/config/reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/text.h"
#include "core/base/unique_fd.h"
#include "core/config/checks.h"
#include "core/config/metrics_config.h"
#include "core/config/suggest.h"

namespace weft {
namespace {

constexpr size_t kLargestFile = 16 << 20;  // far above any configuration, far below memory

template <typename T>
const T* FindSchema(const std::vector<T>& schemas, std::string_view name) {
  const auto found = std::find_if(schemas.begin(), schemas.end(),
                                  [name](const T& schema) { return schema.name == name; });
  return found == schemas.end() ? nullptr : &*found;
}

template <typename T>
std::vector<std::string_view> Names(const std::vector<T>& schemas) {
  std::vector<std::string_view> names;
  for (const T& schema : schemas) names.push_back(schema.name);
  return names;
}

// A section that is there once or not at all.
template <typename T>
void ReadSection(const Value& root, std::string_view name, Errors* errors, T& target) {
  const Value::Member* section = root.Find(name);
  if (section == nullptr) return;
  const Place place(errors, Cat("[", name, "]"));
  if (section->value.array() != nullptr) {
    place.Error(section->value.where(), "there is only one: write it in single brackets");
  } else {
    SchemaOf<T>().ReadInto(section->value, place, &target);
  }
}

// The tables of a section that may be there several times.
std::vector<const Value*> Tables(const Value& root, std::string_view name, Errors* errors) {
  const Value::Member* section = root.Find(name);
  if (section == nullptr) return {};
  const Place place(errors, Cat("[[", name, "]]"));
  if (section->value.array() == nullptr) {
    place.Error(section->where, "there may be several: write it in double brackets");
    return {};
  }
  std::vector<const Value*> tables;
  for (const Value& item : *section->value.array()) {
    if (item.table() != nullptr) {
      tables.push_back(&item);
    } else {
      place.Error(item.where(), Cat("expected a table, found ", item.Describe()));
    }
  }
  return tables;
}

// `port "web-1"`, or `port number 2` if it has no name.
Place PlaceOf(std::string_view section, const Value& table, size_t index, Errors* errors) {
  const Value::Member* name = table.Find("name");
  if (name != nullptr && name->value.text() != nullptr && !name->value.text()->empty()) {
    return Place(errors, Cat(section, " ", Quoted(*name->value.text())));
  }
  return Place(errors, Cat(section, " number ", index + 1));
}

class Reader {
 public:
  Reader(const Value& root, const Schemas& schemas, Errors* errors)
      : root_(root), schemas_(schemas), errors_(errors), kind_uses_(schemas.kinds.size()) {
    port_keys_ = Names(schemas_.kinds);
    const auto features = Names(schemas_.features);
    port_keys_.insert(port_keys_.end(), features.begin(), features.end());
  }

  void ReadBridges(Config& config) {
    for (const Value* table : Tables(root_, "bridge", errors_)) {
      BridgeConfig bridge;
      const Place place = PlaceOf("bridge", *table, config.bridges.size(), errors_);
      SchemaOf<BridgeConfig>().ReadInto(*table, place, &bridge);
      bridge.where = table->where();
      config.bridges.push_back(std::move(bridge));
      sources_.bridges.push_back({table, place});
    }
    if (root_.Find("bridge") == nullptr) {
      config.bridges.emplace_back();
      config.bridges.back().name = "default";
      sources_.bridges.push_back({&nowhere_, Place(errors_, "bridge \"default\"")});
    }
  }

  void ReadPorts(Config& config) {
    const std::vector<const Value*> tables = Tables(root_, "port", errors_);
    config.ports.reserve(tables.size());  // kind_uses_ points into it
    for (const Value* table : tables) {
      const Place place = PlaceOf("port", *table, config.ports.size(), errors_);
      config.ports.emplace_back();
      ReadPort(*table, place, config.ports.back());
      sources_.ports.push_back({table, place});
    }
  }

  void ReadNodes(Config& config) {
    const Value::Member* section = root_.Find("node");
    const Value& nodes = section == nullptr ? nowhere_ : section->value;
    if (nodes.table() == nullptr) {
      Place(errors_, "[node]").Error(nodes.where(), "write [node.NAME], one for each node");
      return;
    }
    for (const Value::Member& member : *nodes.table()) {
      if (FindSchema(schemas_.nodes, member.key) != nullptr) continue;
      Place(errors_, "[node]")
          .Error(member.where, Cat("no node ", Quoted(member.key), " has a configuration",
                                   DidYouMean(member.key, Names(schemas_.nodes))));
    }
    for (const Schemas::Named& node : schemas_.nodes) {
      const Value::Member* member = nodes.Find(node.name);
      const Value& table = member == nullptr ? nowhere_ : member->value;
      const Place place(errors_, Cat("[node.", node.name, "]"));
      config.nodes[node.name] = {node.schema, node.schema->Read(table, place)};
    }
  }

  void Check(const Config& config) {
    CheckConfig(config, sources_);
    for (size_t i = 0; i < kind_uses_.size(); ++i) {
      if (schemas_.kinds[i].validate != nullptr) schemas_.kinds[i].validate(kind_uses_[i]);
    }
  }

 private:
  void ReadPort(const Value& table, const Place& place, PortConfig& port) {
    port.where = table.where();
    SchemaOf<PortConfig>().ReadInto(
        table, place, &port,
        {port_keys_, " (if it is a plugin's, name the plugin in [plugins] load)"});
    bool unknown_table = false;  // perhaps the kind, misspelt: one error is enough
    for (const Value::Member& member : *table.table()) {
      if (const auto* kind = FindSchema(schemas_.kinds, member.key)) {
        ReadKind(*kind, member, place, port);
      } else if (const auto* feature = FindSchema(schemas_.features, member.key)) {
        port.features[feature->name] = {
            feature->schema, feature->schema->Read(member.value, place.Key(feature->name))};
      } else if (member.value.table() != nullptr) {
        unknown_table = true;
      }
    }
    if (port.kind.empty() && !unknown_table) {
      place.Error(table.where(),
                  Cat("is of no kind; give it one of these tables: ", Join(Names(schemas_.kinds))));
    }
  }

  void ReadKind(const Schemas::Kind& kind, const Value::Member& member, const Place& place,
                PortConfig& port) {
    const Place kind_place = place.Key(kind.name);
    std::shared_ptr<const void> object = kind.schema->Read(member.value, kind_place);
    if (!port.kind.empty()) {
      place.Error(member.where, Cat("is of two kinds, ", port.kind, " and ", kind.name,
                                    "; keep one of ", Join(Names(schemas_.kinds))));
      return;
    }
    port.kind = kind.name;
    if (object == nullptr) return;
    port.kind_config = {kind.schema, std::move(object)};
    const auto index = static_cast<size_t>(&kind - schemas_.kinds.data());
    kind_uses_[index].push_back({&port, &member.value, kind_place});
  }

  const Value& root_;
  const Schemas& schemas_;
  Errors* errors_;
  std::vector<std::string_view> port_keys_;  // kinds and features
  std::vector<std::vector<KindUse>> kind_uses_;
  ConfigSources sources_;
  const Value nowhere_;  // an empty table
};

void CheckSections(const Value& root, Errors* errors) {
  const std::vector<std::string_view> sections = {"weft",    "workers", "dpdk", "plugins",
                                                  "metrics", "bridge",  "port", "node"};
  for (const Value::Member& member : *root.table()) {
    if (std::find(sections.begin(), sections.end(), member.key) != sections.end()) continue;
    const bool section = member.value.table() != nullptr || member.value.array() != nullptr;
    const std::string hint = DidYouMean(member.key, sections);
    errors->Add(member.where, Cat(section ? "unknown section " : "unknown key ", Quoted(member.key),
                                  hint, section || !hint.empty() ? "" : " outside a section"));
  }
}

}  // namespace

std::optional<Document> Document::Parse(std::string_view text, Errors* errors) {
  std::optional<Value> root = ParseToml(text, errors);
  if (!root) return std::nullopt;
  return Document(*std::move(root));
}

std::optional<Document> Document::Load(const std::string& path, Errors* errors) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char chunk[16384];
  ssize_t n = fd.valid() ? 1 : -1;
  while (n > 0 && text.size() <= kLargestFile) {
    n = read(fd.get(), chunk, sizeof chunk);
    if (n > 0) text.append(chunk, static_cast<size_t>(n));
  }
  if (n < 0) {
    errors->Add({}, Cat("cannot read the file: ", std::strerror(errno)));
    return std::nullopt;
  }
  if (text.size() > kLargestFile) {
    errors->Add({}, "cannot read the file: it is larger than 16 MB");
    return std::nullopt;
  }
  return Parse(text, errors);
}

Globals ReadGlobals(const Document& document, Errors* errors) {
  Globals globals;
  ReadSection(document.root(), "weft", errors, globals.weft);
  ReadSection(document.root(), "workers", errors, globals.workers);
  ReadSection(document.root(), "dpdk", errors, globals.dpdk);
  ReadSection(document.root(), "plugins", errors, globals.plugins);
  return globals;
}

MetricsConfig ReadMetrics(const Document& document, Errors* errors) {
  MetricsConfig metrics;
  ReadSection(document.root(), "metrics", errors, metrics);
  return metrics;
}

std::optional<Config> ReadAll(const Document& document, const Schemas& schemas, Errors* errors) {
  Config config{ReadGlobals(document, errors), {}, {}, {}};
  ReadMetrics(document, errors);
  CheckSections(document.root(), errors);
  Reader reader(document.root(), schemas, errors);
  reader.ReadBridges(config);
  reader.ReadPorts(config);
  reader.ReadNodes(config);
  reader.Check(config);
  if (!errors->empty()) return std::nullopt;
  return config;
}

}  // namespace weft
