// SPDX-License-Identifier: Apache-2.0
// What another build of a plugin makes of the tables that ports have: it reads them again, for the
// types that the one before has read them into are strangers to it.
#include <algorithm>
#include <utility>

#include "core/base/text.h"
#include "core/plugin/plugin_parts.h"
#include "core/switch.h"

namespace weft {
namespace {

// Only what somebody has set is handed on, so that keys that nobody used may come and go between
// builds.
std::string AsToml(const AnyConfig& config) {
  std::vector<std::string> keys;
  for (const FieldSpec& field : config.schema->fields()) {
    const std::string text = field.print(config.object.get());
    if (text.empty() || (!field.rules.required && text == config.schema->Default(field))) continue;
    keys.push_back(Cat(field.name, " = ", text));
  }
  return Cat("{ ", Join(keys), " }");
}

// `whose`: "port", "node"; `where`: "port \"web-1\": mac-guard".
absl::StatusOr<AnyConfig> ReadAgain(std::string_view whose, const std::string& where,
                                    const std::string& toml, const TableSchema& schema) {
  Errors errors(Cat("the ", whose, "'s table"));
  const std::optional<Document> document = Document::Parse(Cat("table = ", toml, "\n"), &errors);
  std::shared_ptr<const void> object;
  if (document) object = schema.Read(document->root().Find("table")->value, Place(&errors, where));
  if (!errors.empty()) {
    return absl::FailedPreconditionError(Cat("the other build does not take the tables of ", whose,
                                             "s: ", Join(errors.Lines(), "; ")));
  }
  return AnyConfig{&schema, std::move(object)};
}

using Tables = std::map<std::string, std::map<std::string, AnyConfig>>;

// Null if the plugin brings no such kind of port.
const Schemas::Kind* KindOf(const Plugin& plugin, std::string_view name) {
  const auto& kinds = plugin.parts().schemas.kinds;
  const auto found = std::find_if(kinds.begin(), kinds.end(),
                                  [&](const Schemas::Kind& kind) { return kind.name == name; });
  return found == kinds.end() ? nullptr : &*found;
}

absl::Status TranslateKind(const Plugin& out, const Plugin& in, const PortConfig& port,
                           std::map<std::string, AnyConfig>& kinds) {
  if (KindOf(out, port.kind) == nullptr) return absl::OkStatus();
  const Schemas::Kind* const kind = KindOf(in, port.kind);
  if (kind == nullptr) {
    return absl::FailedPreconditionError(
        Cat("the other build has no kind of port ", port.kind, ", which port ", port.name, " is"));
  }
  absl::StatusOr<AnyConfig> again = ReadAgain("port", Cat("port \"", port.name, "\": ", port.kind),
                                              AsToml(port.kind_config), *kind->schema);
  if (!again.ok()) return again.status();
  kinds[port.name] = *std::move(again);
  return absl::OkStatus();
}

absl::Status TranslatePort(const Plugin& out, const Plugin& in, const PortConfig& port,
                           Tables& tables) {
  for (const auto& [feature, config] : port.features) {
    if (out.parts().nodes.Find(feature) == nullptr) continue;
    const auto& schemas = in.parts().schemas.features;
    const auto schema =
        std::find_if(schemas.begin(), schemas.end(),
                     [&, &wanted = feature](const auto& named) { return named.name == wanted; });
    if (schema == schemas.end()) {
      return absl::FailedPreconditionError(
          Cat("the other build has no feature ", feature, ", which port ", port.name, " uses"));
    }
    absl::StatusOr<AnyConfig> again = ReadAgain("port", Cat("port \"", port.name, "\": ", feature),
                                                AsToml(config), *schema->schema);
    if (!again.ok()) return again.status();
    tables[port.name][feature] = *std::move(again);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Switch::Translated> Switch::Translate(const Plugin* before, const Plugin& in) const {
  Translated translated;
  for (const Schemas::Named& node : in.parts().schemas.nodes) {
    const auto had = config_.nodes.find(node.name);
    const bool is_new = before == nullptr || had == config_.nodes.end();
    absl::StatusOr<AnyConfig> again = ReadAgain("node", Cat("[node.", node.name, "]"),
                                                is_new ? "{}" : AsToml(had->second), *node.schema);
    if (!again.ok()) return again.status();
    translated.nodes[node.name] = *std::move(again);
  }
  if (before == nullptr) return translated;
  const Plugin& out = *before;
  for (const auto& [name, config] : port_configs_) {
    if (absl::Status status = TranslateKind(out, in, *config, translated.kinds); !status.ok())
      return status;
    if (absl::Status status = TranslatePort(out, in, *config, translated.ports); !status.ok())
      return status;
  }
  return translated;
}

void Switch::Install(const Translated& translated) {
  for (const auto& [name, config] : translated.nodes) config_.nodes[name] = config;
  for (const auto& [name, tables] : translated.ports) {
    for (const auto& [feature, config] : tables) port_configs_.at(name)->features[feature] = config;
    SetWiring(*ports_.Find(name), *port_configs_.at(name));
  }
}

}  // namespace weft
